"""What facts say of parts: in documents of their own, each fact once, whoever stops between two writes."""

import asyncio
from contextlib import suppress

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chassis.documents.folded import FoldedDocuments, own
from chassis.documents.parts import PartFold, Parts
from chassis.documents.replicas import Replica
from schemas.models import ModelArchived, VersionPromoted
from schemas.topics import MODEL_EVENTS

from .collection import MemoryCollection
from .conftest import HeldClock, record
from .test_replica import FakePositions, delivery


def part_of(fact):
    return str(fact.version) if isinstance(fact, ModelArchived) else None


def fold_part(known, fact):
    return {"told": known.get("told", 0) + 1}


def fold(known, fact):
    return {"facts": known.get("facts", 0) + 1}


def former(whole):
    return {"facts": whole["facts"]}, {part: {"told": told} for part, told in whole["parts"].items()}


PARTS = PartFold(name="known_parts", part_of=part_of, fold=fold_part, former_field="parts", former=former)


def about(part, number=1):
    """A fact about a part, or about none."""
    if part is None:
        return VersionPromoted(
            model_id="demand", alias="champion", scope={}, version=1, promoted_by="x", request_id=str(number)
        )
    return ModelArchived(model_id="demand", version=part, archived_by="x", request_id=str(number))


def published(facts):
    clock = HeldClock()
    return [
        record(
            each.model_dump(mode="json", exclude_none=True),
            clock,
            ce_type=each.event_type,
            topic=MODEL_EVENTS,
            headers={"ce_sequence": str(number).encode()},
            offset=number,
        )
        for number, each in enumerate(facts, start=1)
    ]


class Stopped(BaseException):
    """The process is gone."""


class Store(MemoryCollection):
    """Something may happen before a write: once."""

    def __init__(self) -> None:
        super().__init__()
        self.before_write = None

    async def insert_one(self, document) -> None:
        await self._happen()
        await super().insert_one(document)

    async def replace_one(self, which, document):
        await self._happen()
        return await super().replace_one(which, document)

    async def _happen(self) -> None:
        happening, self.before_write = self.before_write, None
        if happening is not None:
            await happening()


class World:
    """One topic, the documents of one service, and as many instances of it as there are."""

    def __init__(self) -> None:
        self.facts, self.records = [], []
        self.stores = {"known": Store(), "known_parts": Store(), "replica_positions": MemoryCollection()}

    def publish(self, *parts) -> None:
        self.facts += [about(each, number) for number, each in enumerate(parts, start=len(self.facts) + 1)]
        self.records[:] = published(self.facts)

    def instance(self) -> Replica:
        positions = FakePositions(self.records)
        return Replica(self.stores, "known", topic=MODEL_EVENTS, group="g", fold=fold, positions=positions, parts=PARTS)

    async def hear(self, replica, *numbers) -> None:
        for number in numbers:
            fact = self.facts[number - 1]
            await replica.handlers[type(fact)](fact, delivery(HeldClock(), number))

    async def hear_again(self, replica, number) -> None:
        fact = self.facts[number - 1]
        await replica.handlers_again[type(fact)](fact, delivery(HeldClock(), number))

    @property
    def head(self):
        return self.stores["known"].documents.get("demand", {"_sequence": 0, "facts": 0})

    def told(self, part) -> int:
        return self.stores["known_parts"].documents.get(f"demand/{part}", {"told": 0})["told"]


@pytest.fixture
def world() -> World:
    made = World()
    made.publish(1, 2, None, 1, 2, 2)
    return made


async def test_each_part_has_a_document_and_its_subject_none_of_it(world):
    replica = world.instance()
    await world.hear(replica, 1, 2, 3, 4, 5, 6)

    assert (own(world.head), world.told(1), world.told(2)) == ({"facts": 6}, 2, 3)
    assert (await replica.part("demand", "2"))["told"] == 3
    assert await replica.part("demand", "3") is None


@pytest.mark.parametrize("store", ["known", "known_parts"])
async def test_a_fact_whose_second_or_first_write_was_never_made_counts_once(world, store):
    replica = world.instance()
    await world.hear(replica, 1, 2, 3)

    async def stop():
        raise Stopped

    world.stores[store].before_write = stop
    with suppress(Stopped):
        await world.hear(replica, 4)
    await world.hear(world.instance(), 4, 5, 6)

    assert (world.head["facts"], world.told(1), world.told(2)) == (6, 2, 3)


async def test_parts_of_facts_that_were_missed_are_made_good(world):
    await world.hear(world.instance(), 1, 6)
    assert (world.head["facts"], world.told(1), world.told(2)) == (6, 2, 3)


async def test_a_part_that_could_not_be_folded_takes_its_place_when_its_fact_is_read_again(world, monkeypatch):
    replica = world.instance()

    def broken(known, fact):
        if fact.request_id == "2":
            raise RuntimeError("a bug")
        return fold_part(known, fact)

    object.__setattr__(replica._parts, "_of", PartFold(**{**vars(PARTS), "fold": broken}))
    await world.hear(replica, 1)
    with pytest.raises(RuntimeError):
        await world.hear(replica, 2)
    await world.hear(replica, 3, 4, 5, 6)
    assert (world.head["facts"], world.told(2)) == (5, 2), "the fact that failed is in neither"

    with pytest.raises(RuntimeError):
        await world.hear_again(replica, 2)
    object.__setattr__(replica._parts, "_of", PARTS)
    await world.hear_again(replica, 2)

    assert (world.head["facts"], world.told(1), world.told(2)) == (6, 2, 3)
    await world.hear_again(replica, 2)
    assert world.told(2) == 3


async def test_subjects_of_before_give_their_parts_documents_of_their_own(world):
    before = {"_id": "demand", "_sequence": 4, "_write": "w", "facts": 4, "parts": {"1": 2, "2": 1}}
    world.stores["known"].documents["demand"] = before
    parts = Parts(world.stores, PARTS)
    # As left by an instance that stopped in between, and by one that has gone on since.
    world.stores["known_parts"].documents["demand/2"] = {"_id": "demand/2", "told": 2, "_sequence": 5, "_write": "n"}
    for _ in range(2):
        await parts.split(Found(world.stores["known"]))
    await world.hear(world.instance(), 4, 5, 6)

    assert (own(world.head), world.told(1), world.told(2)) == ({"facts": 6}, 2, 3)


class Found(FoldedDocuments):
    """Finds by a field's being there, which the memory doesn't."""

    @property
    def collection(self):
        return self._finding

    @collection.setter
    def collection(self, store) -> None:
        store.find = lambda which, _: _Listed([each for each in store.documents.values() if next(iter(which)) in each])
        self._finding = store


class _Listed:
    def __init__(self, documents) -> None:
        self._documents = documents

    async def to_list(self):
        return self._documents


class PartMachine(RuleBasedStateMachine):
    """Two instances hear the same facts, with repeats and gaps; one may overtake the other, or stop, at any write."""

    instances = st.sampled_from([0, 1])
    stores = st.sampled_from(["known", "known_parts"])

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.world.publish(1, 2, None, 1, None, 2, 1, 3, 3, None)
        self.instances_ = [self.world.instance(), self.world.instance()]

    @rule(by=instances, number=st.integers(1, 10))
    def hear(self, by, number):
        asyncio.run(self.world.hear(self.instances_[by], number))

    @rule(by=instances, number=st.integers(1, 10), store=stores)
    def stop_before_a_write(self, by, number, store):
        async def stop():
            raise Stopped

        self.world.stores[store].before_write = stop
        with suppress(Stopped):
            self.hear(by, number)
        self.world.stores[store].before_write = None
        self.instances_[by] = self.world.instance()

    @rule(by=instances, number=st.integers(1, 10), store=stores, others=st.lists(st.integers(1, 10), max_size=3))
    def be_overtaken_before_a_write(self, by, number, store, others):
        async def overtake():
            await self.world.hear(self.instances_[1 - by], *others)

        self.world.stores[store].before_write = overtake
        self.hear(by, number)
        self.world.stores[store].before_write = None

    @rule(by=instances, number=st.integers(1, 10))
    def hear_again(self, by, number):
        asyncio.run(self.world.hear_again(self.instances_[by], number))

    @invariant()
    def a_part_holds_each_fact_about_it_once(self):
        reached = self.world.head["_sequence"]
        assert self.world.head["facts"] == reached
        for part in (1, 2, 3):
            numbers = [n for n, each in enumerate(self.world.facts, start=1) if part_of(each) == str(part)]
            document = self.world.stores["known_parts"].documents.get(f"demand/{part}", {"_sequence": 0})
            assert document["_sequence"] >= max((n for n in numbers if n <= reached), default=0)
            assert self.world.told(part) == sum(n <= document["_sequence"] for n in numbers)


PartMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestPartMachine = PartMachine.TestCase
