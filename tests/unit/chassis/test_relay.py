from datetime import UTC, datetime

import pytest

from chassis.bus.delivery import Cause
from chassis.bus.outgoing import EventFactory
from chassis.documents.outbox import Relay
from chassis.errors import Unpublishable
from schemas.models import ModelArchived


class Found:
    def __init__(self, documents) -> None:
        self._documents = documents

    def limit(self, _):
        return self

    async def to_list(self):
        return self._documents


class Outboxes:
    """As much of a collection as the relay needs; forgets nothing, notes what it was told to forget."""

    name = "models"

    def __init__(self) -> None:
        self.documents = []
        self.forgotten = []

    def find(self, which, _):
        return Found([each for each in self.documents if each["_id"] in which["_id"]["$in"]])

    async def bulk_write(self, writes) -> None:
        self.forgotten += {write._filter["_id"] for write in writes}


class Bus:
    """Takes everything but what is about `giant`."""

    def __init__(self) -> None:
        self.published = []

    async def publish(self, records) -> None:
        if any(each.key == b"giant" for each in records):
            raise Unpublishable("too large")
        self.published += [each.key for each in records]


@pytest.fixture
def outboxes():
    made = Outboxes()
    factory = EventFactory(source="/services/registry", clock=_Noon(), new_id=lambda: "1")
    for model_id in ("first", "giant", "last"):
        fact = ModelArchived(model_id=model_id, archived_by="anonymous", request_id="1")
        entry = factory.make(fact, Cause(event_id=None, correlation_id="1"), sequence=1).to_document()
        made.documents.append({"_id": model_id, "_outbox": [entry]})
    return made


class _Noon:
    def now(self):
        return datetime(2026, 3, 3, 12, tzinfo=UTC)


async def test_what_can_never_be_published_holds_nothing_else_up_and_is_not_forgotten(outboxes, clock):
    bus = Bus()
    relay = Relay(bus, clock)
    relay.serve(outboxes)
    for document in outboxes.documents:
        relay.wake(outboxes, document["_id"])

    await relay.drain()

    assert sorted(bus.published) == [b"first", b"last"]
    assert sorted(outboxes.forgotten) == ["first", "last"]
