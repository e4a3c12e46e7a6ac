"""What of the object store the executor takes for garbage, and removes."""

from datetime import timedelta
from types import SimpleNamespace

import pytest

from chassis.errors import AssignmentLost
from services.executor.garbage.attempts import Attempts
from services.executor.garbage.tries import Tries
from services.executor.store import Ended, Standing
from services.executor.work import work_of
from tests.unit.chassis.dated_objects import NOW, DatedObjects, Facts
from tests.unit.executor.requests import queued

DAY = timedelta(days=1)
EXECUTION = "00000000-0000-4000-8000-00000000000{}"
FACTS = "ml.execution.events"


def at(number: int, key: str) -> str:
    return f"s3://results/demand-fr/{EXECUTION.format(number)}/{key}"


class Turn:
    def __init__(self, *, live_for: int = 1000) -> None:
        self.left = live_for

    def ensure_live(self) -> None:
        self.left -= 1
        if self.left < 0:
            raise AssignmentLost("garbage")


class Executions:
    def __init__(self) -> None:
        self.of: dict[str, Standing] = {}
        self.ended: dict[str, Ended] = {}

    async def standings(self, execution_ids) -> dict[str, Standing]:
        return {each: self.of[each] for each in execution_ids if each in self.of}

    async def end_of(self, execution_id) -> Ended | None:
        return self.ended.get(execution_id)


@pytest.fixture
def world():
    objects, executions, facts = DatedObjects(), Executions(), Facts()
    attempts = Attempts(objects=objects, executions=executions, facts=facts, after=DAY)
    clock = SimpleNamespace(now=lambda: NOW)
    tries = Tries(objects=objects, executions=executions, facts=facts, clock=clock)
    return SimpleNamespace(objects=objects, executions=executions, facts=facts, attempts=attempts, tries=tries)


async def heaps(kind) -> list:
    return [each async for each in kind.heaps(NOW)]


async def collected(kind, turn=None) -> set[str]:
    """What is gone after a pass."""
    objects = kind.objects
    before = set(objects.modified)
    for heap in await heaps(kind):
        if heap.goes:
            await kind.remove(heap, NOW, turn or Turn())
    return before - set(objects.modified)


async def test_of_ended_executions_exactly_what_no_fact_names_goes(world):
    world.executions.of = {
        EXECUTION.format(1): Standing("succeeded", 3),
        EXECUTION.format(2): Standing("failed", 2),
        EXECUTION.format(3): Standing("running", 2),
        EXECUTION.format(4): Standing("queued", 1),
    }
    stays = [at(1, "attempt-3/manifest.json"), at(1, "attempt-3/part-1"), at(1, "attempt-3/log.jsonl")]
    stays += [at(2, "attempt-2/log.jsonl"), at(3, "attempt-1/part-1"), at(3, "attempt-2/part-1"), at(4, "attempt-1/a")]
    stays += [at(5, "attempt-1/a"), at(1, "attempt-4/a"), "s3://results/_drift/demand/1/bins.json"]
    goes = [at(1, "attempt-1/part-1"), at(1, "attempt-1/log.jsonl"), at(1, "attempt-2/manifest.json")]
    goes += [at(2, "attempt-1/log.jsonl"), at(2, "attempt-2/part-1"), at(2, "attempt-2/rejected/part-1")]
    world.objects.put(*stays, *goes)

    assert await collected(world.attempts) == set(goes)
    unexplained = {str(each.pile.where) for each in await heaps(world.attempts)}
    assert unexplained == {at(5, "attempt-1/"), at(1, "attempt-4/")}


@pytest.mark.parametrize(("hours", "goes"), [(0, False), (-5, False), (23.9, False), (24, False), (24.1, True)])
async def test_what_was_written_within_a_day_stays_with_all_beside_it(world, hours, goes):
    world.executions.of[EXECUTION.format(1)] = Standing("failed", 2)
    world.objects.put(at(1, "attempt-1/part-1"), at(1, "attempt-1/part-3"))
    world.objects.put(at(1, "attempt-1/part-2"), hours=hours)

    assert len(await collected(world.attempts)) == (3 if goes else 0)


async def test_what_is_written_while_it_is_removed_stays(world):
    world.executions.of[EXECUTION.format(1)] = Standing("failed", 2)
    world.objects.put(at(1, "attempt-1/part-1"))
    [heap] = await heaps(world.attempts)
    world.objects.put(at(1, "attempt-1/part-2"), hours=1)

    removed = await world.attempts.remove(heap, NOW, Turn())

    assert (removed.objects, removed.size_bytes, removed.spared) == (1, 10, 1)
    assert set(world.objects.modified) == {at(1, "attempt-1/part-2")}


async def test_it_is_decided_anew_right_before_it_is_removed(world):
    world.executions.of[EXECUTION.format(1)] = Standing("failed", 2)
    world.objects.put(at(1, "attempt-2/part-1"))
    [heap] = await heaps(world.attempts)
    world.executions.of[EXECUTION.format(1)] = Standing("running", 2)

    assert (await world.attempts.remove(heap, NOW, Turn())).objects == 0
    assert world.objects.modified


@pytest.mark.parametrize(
    ("said", "stays"),
    [
        (f'{{"output":{{"uri":"{at(1, "attempt-1/")}"}}}}', {"manifest.json", "log.jsonl"}),
        (f'{{"log_uri":"{at(1, "attempt-1/log.jsonl")}"}}', {"manifest.json", "log.jsonl"}),
        (f'{{"log_uri":"{at(1, "attempt-11/log.jsonl")}"}}', set()),
        (f'{{"log_uri":"{at(2, "attempt-1/log.jsonl")}"}}', set()),
    ],
)
async def test_what_a_fact_names_that_the_documents_have_forgotten_stays(world, said, stays):
    world.executions.of[EXECUTION.format(1)] = Standing("succeeded", 2)
    world.objects.put(at(1, "attempt-1/manifest.json"), at(1, "attempt-1/log.jsonl"))
    world.facts.say(FACTS, said)

    await collected(world.attempts)

    assert {each.rpartition("/")[2] for each in world.objects.modified} == stays


@pytest.mark.parametrize(("name", "stays"), [("log.jsonl", False), ("manifest.json", True)])
async def test_that_its_log_is_named_keeps_nothing_else_of_the_last_attempt(world, name, stays):
    world.executions.of[EXECUTION.format(1)] = Standing("failed", 1)
    world.objects.put(at(1, "attempt-1/manifest.json"), at(1, "attempt-1/log.jsonl"))
    world.facts.say(FACTS, f'{{"uri":"{at(1, f"attempt-1/{name}")}"}}')

    await collected(world.attempts)

    assert (at(1, "attempt-1/manifest.json") in world.objects.modified) is stays
    assert at(1, "attempt-1/log.jsonl") in world.objects.modified


async def test_the_bus_is_not_read_where_there_is_nothing_to_remove(world):
    world.executions.of[EXECUTION.format(1)] = Standing("succeeded", 1)
    world.objects.put(at(1, "attempt-1/manifest.json"))
    assert await heaps(world.attempts) == []
    assert world.facts.read == 0


async def test_who_has_lost_the_turn_removes_nothing_more(world):
    world.executions.of[EXECUTION.format(1)] = Standing("failed", 2)
    world.objects.put(*(at(1, f"attempt-1/part-{number}") for number in range(5)))
    with pytest.raises(AssignmentLost):
        await collected(world.attempts, Turn(live_for=2))
    assert len(world.objects.modified) == 3


def ended(number: int, hours: float | None, uri: str) -> Ended:
    """An execution that read `uri` and ended so many hours ago."""
    execution = queued(execution_id=EXECUTION.format(number))
    work = work_of(execution)
    work = work.model_copy(update={"input": work.input.model_copy(update={"uri": uri})})
    finished_at = None if hours is None else NOW - timedelta(hours=hours)
    return Ended("demand-fr", finished_at, work.model_dump_json())


def rows(number: int, name: str = "rows.parquet") -> str:
    return f"s3://datasets/tries/{EXECUTION.format(number)}/{name}"


@pytest.mark.parametrize(
    ("end", "written", "goes"),
    [
        (None, 48, False), (1, 48, False), (23.9, 48, False), (24.1, 48, True), (48, 23.9, False), (-1, 48, False),
        ("unknown", 48, False), ("unknown", 8 * 24 - 1, False), ("unknown", 8 * 24 + 1, True),
    ],
)  # fmt: skip
async def test_a_try_goes_a_day_after_its_end_and_rows_of_none_when_none_can_come_any_more(world, end, written, goes):
    world.objects.put(rows(1), hours=written)
    if end != "unknown":
        world.executions.ended[EXECUTION.format(1)] = ended(1, end, rows(1))
    assert await collected(world.tries) == ({rows(1)} if goes else set())


async def test_with_its_rows_go_the_results_and_the_log_of_a_try_and_no_others(world):
    ids = world.executions.ended
    ids[EXECUTION.format(1)] = ended(1, 30, rows(1))
    ids[EXECUTION.format(2)] = ended(2, 30, "s3://datasets/sales/")
    ids[EXECUTION.format(3)] = ended(3, 30, rows(4))
    world.objects.put(rows(1), rows(2), rows(3), *(at(each, "attempt-1/manifest.json") for each in (1, 2, 3)))
    world.objects.put(at(1, "attempt-1/log.jsonl"), "s3://datasets/tries/notes.txt", "s3://datasets/sales/a.parquet")

    assert await collected(world.tries) == {
        rows(1), rows(2), rows(3), at(1, "attempt-1/manifest.json"), at(1, "attempt-1/log.jsonl"),
    }  # fmt: skip


async def test_the_rows_of_a_try_go_last_so_that_who_is_stopped_begins_anew(world):
    world.executions.ended[EXECUTION.format(1)] = ended(1, 30, rows(1))
    world.objects.put(rows(1), at(1, "attempt-1/log.jsonl"), at(1, "attempt-1/manifest.json"))
    await collected(world.tries)
    assert world.objects.removed[-1] == rows(1)

    world.objects.put(rows(1))
    world.objects.put(at(1, "attempt-1/part-9"), hours=2)
    await collected(world.tries)
    assert set(world.objects.modified) == {rows(1), at(1, "attempt-1/part-9")}


@pytest.mark.parametrize(
    ("uri", "stays"),
    [
        ("s3://datasets/", True), ("s3://datasets/tries/", True), (rows(1, ""), True), (rows(1), True),
        (rows(1, "deep/er/"), True), (rows(1, "").rstrip("/"), True), ("s3://datasets/tries", True),
        (rows(2), False), ("s3://datasets/sales/", False), ("s3://datasets/t", False),
    ],
)  # fmt: skip
async def test_rows_that_a_registered_data_set_holds_are_no_trys(world, uri, stays):
    world.executions.ended[EXECUTION.format(1)] = ended(1, 30, rows(1))
    world.objects.put(rows(1), at(1, "attempt-1/manifest.json"))
    world.facts.say("ml.dataset.events", f'{{"dataset_id":"mine","uri":"{uri}","format":"parquet"}}')

    assert bool(await collected(world.tries)) is not stays
