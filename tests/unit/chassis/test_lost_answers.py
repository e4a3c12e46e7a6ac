"""A write was made and its answer lost: who comes again finds it made, and the relay is woken all the same."""

from dataclasses import dataclass, field
from datetime import UTC, datetime

import pytest
from pymongo.errors import ConnectionFailure

from chassis.bus.delivery import ANONYMOUS, Cause, Delivery
from chassis.bus.envelope import Envelope, Message
from chassis.bus.outgoing import EventFactory
from chassis.documents.aggregates import Aggregates
from chassis.documents.handled import Handled
from chassis.documents.refusals import Refusals
from chassis.errors import DocumentsUnavailable, Refusal
from schemas.event import Event
from schemas.models import ModelArchived
from schemas.topics import MODEL_REQUESTS
from tests.unit.chassis.collection import MemoryCollection

ENVELOPE = Envelope(id="1", source="/upstream/erp", type="ml.ModelArchivalRequested.v1")
AT = datetime(2026, 3, 3, 12, tzinfo=UTC)
ASKED = Delivery(envelope=ENVELOPE, actor=ANONYMOUS, topic="", partition=0, offset=0, timestamp=AT)
CAUSE = Cause(event_id=None, correlation_id="1")


class Unwanted(Refusal):
    code = "unwanted"


@dataclass
class Archived:
    model_id: str
    archived: bool = False
    events: list[Event] = field(default_factory=list)

    def archive(self) -> None:
        self.archived = True
        self.events.append(ModelArchived(model_id=self.model_id, archived_by="anonymous", request_id="1"))


def archive(model):
    model = model or Archived("demand")
    model.archive()
    return model


def archive_once(model):
    return None if model and model.archived else archive(model)


def archive_or_refuse(model):
    if model and model.archived:
        raise Unwanted("it is archived")
    return archive(model)


class Forgetful(MemoryCollection):
    """Makes the first write that it is asked for, and loses the answer."""

    lost = False

    async def update_one(self, which, update, *, upsert=False):
        written = await super().update_one(which, update, upsert=upsert)
        self._lose()
        return written

    async def insert_one(self, document) -> None:
        await super().insert_one(document)
        self._lose()

    def _lose(self) -> None:
        if not self.lost:
            self.lost = True
            raise ConnectionFailure("after the write")


@pytest.fixture
def woken():
    return []


@pytest.fixture
def parts(woken, clock):
    """What both kinds of collections are made of."""
    events = EventFactory(source="/services/registry", clock=clock, new_id=lambda: "e1")
    return {"events": events, "wake": lambda collection, document_id, outgoing=None: woken.append(document_id)}


@pytest.fixture
def models(parts, clock):
    return Aggregates(Forgetful("models"), Archived, handled=Handled(MemoryCollection(), clock), **parts)


async def test_a_request_that_is_answered_again_wakes_the_relay(models, woken):
    with pytest.raises(DocumentsUnavailable):
        await models.answer("demand", archive, ASKED)
    assert woken == []

    await models.answer("demand", archive, ASKED)

    assert woken == ["demand"]


async def test_so_does_one_that_is_found_handled(models, woken):
    with pytest.raises(DocumentsUnavailable):
        await models.answer("demand", archive, ASKED)

    assert await models.has_handled("demand", ASKED.request_key)
    assert woken == ["demand"]


async def test_nobody_is_woken_for_what_is_on_the_bus(models, woken):
    with pytest.raises(DocumentsUnavailable):
        await models.answer("demand", archive, ASKED)
    document = models.collection.documents["demand"]
    document["_outbox"] = []
    del document["_outbox_since"]

    assert await models.has_handled("demand", ASKED.request_key)
    await models.answer("demand", archive, ASKED)
    assert woken == []


@pytest.mark.parametrize("decide", [archive_once, archive_or_refuse], ids=["done", "refused"])
async def test_a_change_that_nothing_is_left_of_wakes_the_relay(models, woken, decide):
    with pytest.raises(DocumentsUnavailable):
        await models.change("demand", decide, CAUSE)

    try:
        await models.change("demand", decide, CAUSE)
    except Unwanted:
        assert decide is archive_or_refuse

    assert woken == ["demand"]


@pytest.fixture
def refusals(parts):
    return Refusals({"refusals": Forgetful("refusals")}, **parts)


async def test_a_refusal_that_is_refused_again_wakes_the_relay(refusals, woken):
    refusing = (ASKED, Message(ENVELOPE, {}), Unwanted("no"), MODEL_REQUESTS)
    with pytest.raises(DocumentsUnavailable):
        await refusals.refuse(*refusing)
    assert woken == []

    await refusals.refuse(*refusing)

    assert woken == [ASKED.request_key.text]


async def test_so_does_a_request_that_is_found_refused(refusals, woken):
    with pytest.raises(DocumentsUnavailable):
        await refusals.refuse(ASKED, Message(ENVELOPE, {}), Unwanted("no"), MODEL_REQUESTS)

    assert await refusals.has_refused(ASKED.request_key)
    assert woken == [ASKED.request_key.text]
