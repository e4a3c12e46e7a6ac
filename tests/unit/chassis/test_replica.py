import pytest
from pymongo.errors import ConnectionFailure

from chassis.bus.delivery import Delivery
from chassis.bus.envelope import Envelope
from chassis.documents.replicas import _REMEMBERED, Replica
from chassis.errors import DocumentsUnavailable, ReplicaBehind
from schemas.models import ModelArchived
from schemas.topics import MODEL_EVENTS

from .collection import MemoryCollection
from .conftest import record


class FakePositions:
    """One partition that ends at 11."""

    def __init__(self, records) -> None:
        self._records = records
        self.group_has_committed = 0

    async def partition_of(self, topic, key) -> int:
        return 3

    async def end_of(self, topic, partition) -> int:
        return 11

    async def committed(self, group, topic, partition) -> int:
        return self.group_has_committed

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


class Store(MemoryCollection):
    """Counts what is read, and may lose the answer to a write that it has made."""

    def __init__(self) -> None:
        super().__init__()
        self.reads = 0
        self.lost_answers = 0

    async def find_one(self, which, projection=None):
        self.reads += 1
        return await super().find_one(which, projection)

    async def replace_one(self, which, document):
        replaced = await super().replace_one(which, document)
        if self.lost_answers:
            self.lost_answers -= 1
            raise ConnectionFailure("after the write")
        return replaced


@pytest.fixture
def store():
    return Store()


@pytest.fixture
def make_replica(store):
    def make(records=()):
        database = {"known_models": store, "replica_positions": MemoryCollection()}
        return Replica(
            database, "known_models", topic=MODEL_EVENTS, group="g", fold=fold, positions=FakePositions(records)
        )

    return make


@pytest.fixture
def hear(clock):
    """Have a replica hear of the archival of versions, each the fact of that number."""

    async def heard(replica, *versions, model_id="demand"):
        for version in versions:
            fact = ModelArchived(model_id=model_id, version=version, archived_by="anonymous", request_id="1")
            await replica.handlers[ModelArchived](fact, delivery(clock, version))

    return heard


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


def fact(version):
    return ModelArchived(model_id="demand", version=version, archived_by="anonymous", request_id="1")


class Picky:
    """A fold with a bug: it can't take some versions."""

    def __init__(self, *refused) -> None:
        self.refused = set(refused)

    def __call__(self, known, fact):
        if fact.version in self.refused:
            raise RuntimeError("a bug")
        return fold(known, fact)


async def test_a_fact_that_could_not_be_folded_does_not_take_its_successors_with_it(make_replica, clock):
    replica = make_replica([archived(each, clock, sequence=each) for each in (1, 2, 3)])
    replica._fold = Picky(2)
    on_fact = replica.handlers[ModelArchived]

    await on_fact(fact(1), delivery(clock, 1))
    with pytest.raises(RuntimeError):
        await on_fact(fact(2), delivery(clock, 2))
    await on_fact(fact(3), delivery(clock, 3))

    assert (await replica._known("demand"))["archived"] == [1, 3]


async def test_a_fact_that_is_read_again_gets_into_its_place(make_replica, clock):
    topic = [archived(each, clock, sequence=each) for each in (1, 2, 3)]
    replica = make_replica(topic)
    replica._fold = picky = Picky(2)
    for each in (1, 3):
        await replica.handlers[ModelArchived](fact(each), delivery(clock, each))
    topic.append(archived(4, clock, sequence=4))  # It is on the topic, and this replica hasn't taken it yet.

    with pytest.raises(RuntimeError):
        await replica.handlers_again[ModelArchived](fact(2), delivery(clock, 2))
    assert (await replica._known("demand"))["archived"] == [1, 3]

    picky.refused.clear()
    await replica.handlers_again[ModelArchived](fact(2), delivery(clock, 2))
    assert (await replica._known("demand"))["archived"] == [1, 2, 3]

    await replica.handlers[ModelArchived](fact(4), delivery(clock, 4))
    assert (await replica._known("demand"))["archived"] == [1, 2, 3, 4]


@pytest.mark.parametrize("slower", ["the next fact", "the fact that is read again"])
async def test_a_fact_that_comes_while_another_is_read_again_loses_nothing(make_replica, clock, slower):
    topic = [archived(each, clock, sequence=each) for each in (1, 2, 3, 4)]
    replica = make_replica(topic)
    replica._fold = picky = Picky(2)
    for each in (1, 3):
        await replica.handlers[ModelArchived](fact(each), delivery(clock, each))
    picky.refused.clear()

    async def follow():
        await replica.handlers[ModelArchived](fact(4), delivery(clock, 4))

    async def read_again():
        await replica.handlers_again[ModelArchived](fact(2), delivery(clock, 2))

    first, second = (read_again, follow) if slower == "the next fact" else (follow, read_again)
    stored = replica._replace

    async def interrupted(*arguments, **options):
        replica._replace = stored
        await first()
        return await stored(*arguments, **options)

    replica._replace = interrupted
    await second()

    assert (await replica._known("demand"))["archived"] == [1, 2, 3, 4]


async def test_the_next_fact_is_folded_into_what_this_process_wrote_last_without_a_read(make_replica, hear, store):
    await hear(make_replica(), 1, 2, 3)

    assert store.documents["demand"]["archived"] == [1, 2, 3]
    assert store.reads == 1


async def test_a_fact_that_comes_again_counts_once(make_replica, hear, store):
    await hear(make_replica(), 1, 1, 2, 1, 2, 3)

    assert store.documents["demand"]["archived"] == [1, 2, 3]


async def test_a_fact_that_another_instance_has_folded_counts_once(make_replica, hear, store):
    one, other = make_replica(), make_replica()
    await hear(one, 1)
    await hear(other, 1, 2)

    await hear(one, 2, 3)
    await hear(other, 3, 4)

    assert store.documents["demand"]["archived"] == [1, 2, 3, 4]


async def test_facts_that_another_instance_has_folded_are_no_gap(make_replica, hear, store):
    one, other = make_replica(), make_replica()
    await hear(one, 1)
    await hear(other, 2, 3)

    await hear(one, 4)

    assert store.documents["demand"]["archived"] == [1, 2, 3, 4]


async def test_a_document_that_was_made_anew_at_the_same_fact_is_what_the_next_is_folded_into(
    make_replica, hear, store
):
    replica = make_replica()
    await hear(replica, 1)
    store.documents["demand"] = {"_id": "demand", "_sequence": 1, "archived": ["made anew"]}

    await hear(replica, 2)

    assert store.documents["demand"]["archived"] == ["made anew", 2]


async def test_a_write_whose_answer_is_lost_counts_once(make_replica, hear, store):
    replica = make_replica()
    await hear(replica, 1)
    store.lost_answers = 1
    with pytest.raises(DocumentsUnavailable):
        await hear(replica, 2)

    await hear(replica, 2, 3)

    assert store.documents["demand"]["archived"] == [1, 2, 3]


async def test_what_is_remembered_is_bounded(make_replica, hear, store):
    replica = make_replica()
    for number in range(_REMEMBERED + 10):
        await hear(replica, 1, model_id=f"demand-{number}")

    await hear(replica, 2, model_id="demand-0")

    assert len(replica._remembered) == _REMEMBERED
    assert store.documents["demand-0"]["archived"] == [1, 2]


async def test_a_position_that_a_member_took_with_it_is_what_the_group_has_committed(make_replica, store, monkeypatch):
    monkeypatch.setattr("chassis.documents.replicas._SOON_S", 0.05)
    replica = make_replica()
    replica._positions.group_has_committed = 11

    assert await replica.get("demand") is None
    assert replica._seen[3] == 11
    assert replica._unstored == {3}, "the others, and the next start, are told"


async def test_what_nobody_has_committed_is_waited_for(make_replica, monkeypatch):
    for patience in ("_SOON_S", "_WAIT_BOUND_S"):
        monkeypatch.setattr(f"chassis.documents.replicas.{patience}", 0.05)
    replica = make_replica()
    replica._positions.group_has_committed = 10

    with pytest.raises(ReplicaBehind):
        await replica.get("demand")
