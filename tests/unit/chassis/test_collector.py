"""When a collector passes, and what becomes of a pass that fails."""

import asyncio
from datetime import timedelta

import pytest

from chassis.errors import AssignmentLost, ObjectsUnavailable
from chassis.garbage.collector import Collector, Kinds
from chassis.garbage.heaps import Heap, Pile, Removed, in_lots, piled
from chassis.garbage.turn import Turns
from chassis.object_errors import ObjectForbidden
from chassis.objects import Location, ObjectInfo
from chassis.tasks import end
from tests.unit.chassis.collection import MemoryCollection
from tests.unit.chassis.dated_objects import NOW, DatedObjects

HOUR_S = 3600.0


class Kind:
    """Some heaps, each of which is removed or raises."""

    name = "attempt"

    def __init__(self, **removals) -> None:
        self.removals, self.removed = removals, []

    async def heaps(self, now):
        for name in self.removals:
            pile = Pile(where=Location("results", name), objects=2, size_bytes=20, oldest=NOW, youngest=NOW)
            yield Heap(kind=self.name, name=name, pile=pile, why="a test", goes=not name.startswith("odd"))

    async def remove(self, heap, now, turn):
        if self.removals[heap.name] is not None:
            raise self.removals[heap.name]
        turn.ensure_live()
        self.removed.append(heap.name)
        return Removed(objects=2, size_bytes=20)


async def _well():
    return None


@pytest.fixture
def document():
    return MemoryCollection()


def made(document, kind, clock, *, every_s=HOUR_S, owner="a") -> Collector:
    kinds = Kinds(all=[kind], store=DatedObjects(), bucket="results")
    turns = Turns(document, clock=clock, owner=owner, lease_s=10)
    return Collector(kinds, turns, every_s=every_s, clock=clock, probe=_well)


@pytest.mark.parametrize(
    ("ended_before", "due"),
    [(None, True), (0, False), (59, False), (61, True), (-5, False), (-11, True), (-10_000, True)],
)
async def test_a_pass_begins_when_the_last_is_long_enough_ago(document, clock, ended_before, due):
    if ended_before is not None:
        ended_at = clock.now() - timedelta(minutes=ended_before)
        await document.insert_one({"_id": "garbage", "lease": None, "ended_at": ended_at})
    kind = Kind(a=None)
    report = await made(document, kind, clock).look()
    assert (report is not None, kind.removed) == (due, ["a"] if due else [])


async def test_what_the_store_refuses_to_remove_is_in_nobodys_way(document, clock):
    kind = Kind(a=None, b=ObjectForbidden("b"), c=None, odd=None)
    report = await made(document, kind, clock).look()
    assert kind.removed == ["a", "c"]
    assert (report.failures, report.removed["attempt"].objects, report.unexplained) == (1, 4, {"attempt": 2})


async def test_an_outage_is_passed_on_and_the_pass_is_made_again_by_whoever_has_the_next_turn(document, clock):
    kind = Kind(a=None, b=ObjectsUnavailable("away"))
    collector = made(document, kind, clock)
    with pytest.raises(ObjectsUnavailable):
        await collector.look()
    other = made(document, kind, clock, owner="b")
    assert await other.look() is None, "a request of the other may still be on its way"

    kind.removals["b"] = None
    clock.pass_time(10)
    assert (await other.look()).removed["attempt"].objects == 4


async def test_a_failure_that_nobody_foresaw_ends_the_pass_and_not_the_service(document, clock):
    kind = Kind(a=None, b=ValueError("a bug"), c=None)
    collector = made(document, kind, clock)
    assert await collector.look() is None
    assert (kind.removed, document.documents["garbage"]["ended_at"]) == (["a"], clock.now())

    kind.removals["b"] = None
    clock.pass_time(HOUR_S)
    assert await collector.look() is None, "the turn was not given back"
    clock.pass_time(10)
    await collector.look()
    assert kind.removed[1:] == ["a", "b", "c"]


async def test_who_finds_that_the_turn_is_anothers_stops(document, clock):
    kind = Kind(a=None, b=AssignmentLost("garbage"), c=None)
    assert await made(document, kind, clock).look() is None
    assert (kind.removed, "ended_at" in document.documents["garbage"]) == (["a"], False)


async def test_nobody_passes_while_another_does(document, clock):
    first = Turns(document, clock=clock, owner="a", lease_s=10)
    second = Turns(document, clock=clock, owner="b", lease_s=10)
    turn = await first.take()
    assert await second.take() is None
    clock.pass_time(9.9)
    turn.ensure_live()
    assert await second.take() is None
    clock.pass_time(0.2)
    with pytest.raises(AssignmentLost):
        turn.ensure_live()
    assert await second.take() is not None
    for late in (turn.end(NOW), turn.give_up(NOW)):
        with pytest.raises(AssignmentLost):
            await late


async def test_of_those_who_ask_for_the_first_turn_at_once_one_has_it(document, clock):
    asking = (Turns(document, clock=clock, owner=each, lease_s=10).take() for each in "abc")
    assert [each is None for each in await asyncio.gather(*asking)].count(False) == 1


async def test_a_turn_that_was_ended_is_the_next_ones_at_once(document, clock):
    for owner in ("a", "b", "a"):
        turn = await Turns(document, clock=clock, owner=owner, lease_s=10).take()
        await turn.end(NOW)


async def test_a_collector_that_is_switched_off_never_looks(document, clock):
    kind = Kind(a=None)
    for every_s, passes in ((0, False), (0.01, True)):
        running = asyncio.create_task(made(document, kind, clock, every_s=every_s).run())
        await asyncio.sleep(0.3)
        await end(running)
        assert bool(kind.removed) is passes


async def _infos(*keys):
    for number, key in enumerate(keys):
        modified_at = None if key == "dateless" else NOW + timedelta(hours=number)
        yield ObjectInfo(Location("results", key), "e", 10, modified_at=modified_at)


async def test_objects_are_piled_by_their_folders():
    def folder(key):
        return None if "/" not in key and key != "dateless" else key.partition("/")[0]

    listed = _infos("a/1", "a/2", "x", "dateless", "b/1", "a/3")
    piles = [(each.where.key, each.objects, each.size_bytes) async for each in piled(listed, folder)]
    assert piles == [("a", 2, 20), ("b", 1, 10), ("a", 1, 10)]
    [pile] = [each async for each in piled(_infos("a/1", "x", "a/2"), folder)]
    assert (pile.oldest, pile.youngest) == (NOW, NOW + timedelta(hours=2))


@pytest.mark.parametrize(("count", "sizes"), [(0, []), (1, [1]), (2, [2]), (5, [2, 2, 1])])
async def test_lots_are_of_a_size(count, sizes):
    lots = [lot async for lot in in_lots(_infos(*map(str, range(count))), of=2)]
    assert [len(each) for each in lots] == sizes
