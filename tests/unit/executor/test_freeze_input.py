"""What an execution reads is listed once, by whoever claims it first."""

import asyncio

import pytest

from chassis.errors import DocumentsUnavailable
from schemas.executions import ExecutionFinished
from schemas.values import ErrorInfo
from services.executor.domain.known import KnownVersion
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.usecases.freeze_input import FreezeInput
from services.executor.work import Work
from tests.unit.executor.attempts import Bench
from tests.unit.executor.requests import queued, registered

ONE, OTHER = (InputObject(key=f"sales/{name}.parquet", etag='"e"', size_bytes=1) for name in "ab")


class World:
    """A store whose objects come and go, and listings that are kept."""

    def __init__(self):
        self.there = (ONE,)
        self.kept = {}
        self.listed = []
        self.away = 0
        self.known = None
        self.freeze = FreezeInput(models=self, listings=self, list_input=self.list_input, probe=self.well)

    async def list_input(self, uri, data_format):
        self.listed.append((uri, data_format))
        there = self.there
        await asyncio.sleep(0)
        return there

    async def version(self, model_id, number):
        self._reach()
        assert (model_id, number) == ("demand", 1)
        return self.known

    async def load(self, execution_id):
        self._reach()
        return self.kept.get(execution_id)

    async def keep(self, execution_id, objects):
        self._reach()
        return self.kept.setdefault(execution_id, objects)

    def _reach(self):
        if self.away:
            self.away -= 1
            raise DocumentsUnavailable("switched off by the test")

    async def well(self):
        return None


@pytest.fixture
def world():
    return World()


def claimed(attempt=1):
    execution = queued()
    execution.attempt = attempt
    return execution


async def test_all_attempts_read_what_the_first_one_listed(world):
    first = await world.freeze(claimed())
    world.there = (OTHER,)
    second = await world.freeze(claimed(2))

    assert first.input.objects == second.input.objects == (ONE,)
    assert (first.attempt, second.attempt) == (1, 2)
    assert world.listed == [("s3://datasets/sales/", "parquet")]


async def test_two_that_list_at_the_same_time_go_by_one_listing(world):
    first = asyncio.create_task(world.freeze(claimed()))
    await asyncio.sleep(0)
    world.there = (OTHER,)
    second = await world.freeze(claimed(2))

    assert len(world.listed) == 2
    assert (await first).input.objects == second.input.objects


async def test_what_an_executor_of_before_listed_is_taken_as_it_is(world):
    execution = claimed()
    work = Work.model_validate_json(execution.work)
    listed = work.model_copy(update={"input": work.input.model_copy(update={"objects": (OTHER,)})})
    execution.work = listed.model_dump_json()

    assert (await world.freeze(execution)).input.objects == (OTHER,)
    assert not world.listed


async def test_documents_that_are_away_are_waited_for(world):
    world.away = 2
    assert (await world.freeze(claimed())).input.objects == (ONE,)


@pytest.mark.parametrize("attempt", [1, 2])
async def test_no_attempt_begins_with_a_version_that_has_turned_out_unfit(world, attempt):
    unfit = ErrorInfo(code="model-unsupported", message="It was stopped early.")
    world.known = KnownVersion(registered(), archived=False, unfit=unfit)

    with pytest.raises(ScoringError) as refused:
        await world.freeze(claimed(attempt))

    assert (refused.value.code, refused.value.retryable) == ("version-unfit", False)
    assert "model-unsupported: It was stopped early." in refused.value.message
    assert not world.listed


@pytest.mark.parametrize("known", [None, KnownVersion(registered(), archived=True)])
async def test_an_execution_that_was_accepted_is_run_whatever_was_archived_since(world, known):
    world.known = known
    assert (await world.freeze(claimed())).input.objects == (ONE,)


@pytest.mark.parametrize(
    "code", ["input-empty", "input-format", "input-too-many-objects", "input-forbidden", "input-unfit"]
)
async def test_what_is_wrong_with_an_input_ends_the_execution_at_once(code):
    bench = Bench()
    bench.unfit = ScoringError(code, "so it is")
    await (await bench.begin(retries=3))

    assert (bench.end.status, bench.end.attempt, bench.end.error.code) == ("failed", 1, code)
    assert not bench.scoring.jobs


async def test_a_store_that_is_away_while_an_input_is_listed_uses_up_no_attempt():
    bench = Bench()
    bench.unfit = ScoringError("store-unavailable", "away")
    bench.objects_away = True
    running = await bench.begin(retries=0)
    await asyncio.sleep(0.05)
    bench.objects_away = False
    await running

    assert not bench.store.of(ExecutionFinished)
    assert (await bench.store.load(queued().execution_id)).state == "queued"
