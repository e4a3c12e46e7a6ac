import pytest

from chassis.bus.delivery import Delivery
from chassis.bus.envelope import Envelope
from chassis.documents.replicas import Replica
from schemas.models import ModelArchived
from schemas.topics import MODEL_EVENTS

from .conftest import record


class FakeCollection:
    """As much of a collection as a replica needs."""

    def __init__(self) -> None:
        self.documents = {}

    async def find_one(self, which):
        return self.documents.get(which["_id"])

    async def replace_one(self, which, document, *, upsert) -> None:
        assert upsert
        self.documents[which["_id"]] = {"_id": which["_id"], **document}


class FakePositions:
    def __init__(self, records) -> None:
        self._records = records

    async def records_of(self, topic, key):
        for each in self._records:
            yield each


def archived(version, clock, *, sequence, ce_type="ml.ModelArchived.v1"):
    body = {"model_id": "demand", "version": version, "archived_by": "anonymous", "request_id": "1"}
    headers = {"ce_sequence": str(sequence).encode()}
    return record(body, clock, ce_type=ce_type, topic=MODEL_EVENTS, headers=headers, offset=sequence)


def fold(known, fact):
    return {"archived": [*known.get("archived", []), fact.version]}


def delivery(clock, sequence):
    envelope = Envelope(id="1", source="/services/registry", type="ml.ModelArchived.v1", sequence=sequence)
    return Delivery(envelope=envelope, actor=None, topic="", partition=0, offset=0, timestamp=clock.now())


@pytest.fixture
def make_replica():
    def make(records):
        database = {"known_models": FakeCollection(), "replica_positions": FakeCollection()}
        return Replica(database, "known_models", topic=MODEL_EVENTS, fold=fold, positions=FakePositions(records))

    return make


@pytest.mark.parametrize(
    "broken",
    [{"version": "three"}, {"version": 2, "ce_type": "ml.NeverHeardOf.v1"}],
    ids=["schema-invalid", "unknown-type"],
)
async def test_a_fact_that_was_buried_does_not_take_its_successors_with_it(make_replica, clock, broken):
    topic = [
        archived(1, clock, sequence=1),
        archived(clock=clock, sequence=2, **broken),
        archived(3, clock, sequence=3),
    ]
    replica = make_replica(topic)
    on_fact = replica.handlers[ModelArchived]

    for sequence, version in ((1, 1), (3, 3)):
        fact = ModelArchived(model_id="demand", version=version, archived_by="anonymous", request_id="1")
        await on_fact(fact, delivery(clock, sequence))

    assert (await replica._known("demand"))["archived"] == [1, 3]
