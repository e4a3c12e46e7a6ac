"""An attempt while a store is away: it loses neither its compute, nor its time, nor a try."""

import asyncio

from schemas.executions import ExecutionFinished
from services.executor.scoring.errors import ScoringError
from tests.unit.executor.requests import EXECUTION_ID, outcome


async def test_an_outage_neither_stops_the_compute_nor_loses_its_result(bench):
    task = await bench.begin()
    bench.store.away = True
    await asyncio.sleep(0.05)
    await bench.scoring.end(outcome())
    await asyncio.sleep(0.05)
    bench.store.away = False
    await task

    assert (bench.end.status, bench.scoring.stopped) == ("succeeded", 0)


async def test_an_object_store_that_is_away_is_waited_for_and_uses_no_attempt_up(bench):
    task = await bench.begin(retries=0)
    bench.objects_away = True
    await bench.scoring.end(ScoringError("store-unavailable", "gone"))
    await asyncio.sleep(0.05)
    assert (await bench.store.load(EXECUTION_ID)).state == "running"
    bench.objects_away = False
    await task

    execution = await bench.store.load(EXECUTION_ID)
    assert (execution.state, execution.failures) == ("queued", 0)
    assert not bench.store.of(ExecutionFinished)


async def test_an_outage_that_is_over_when_the_driver_says_so_uses_no_attempt_up_either(bench):
    task = await bench.begin(retries=0, timeout_s=1)
    bench.objects_away = True
    await asyncio.sleep(1.3)
    bench.objects_away = False
    await bench.scoring.end(ScoringError("store-unavailable", "gone"))
    await task

    execution = await bench.store.load(EXECUTION_ID)
    assert (execution.state, execution.failures) == ("queued", 0)


async def test_an_outage_that_is_longer_than_the_timeout_does_not_use_the_time_up(bench):
    task = await bench.begin(timeout_s=1)
    bench.objects_away = True
    await asyncio.sleep(2.5)
    bench.objects_away = False
    await bench.scoring.end(outcome())
    await task

    assert bench.end.status == "succeeded"


async def test_an_object_that_fails_while_the_store_is_well_is_a_failed_attempt(bench):
    task = await bench.begin(retries=0)
    await bench.scoring.end(ScoringError("store-unavailable", "only this one"))
    await task

    assert (bench.end.status, bench.end.error.code) == ("failed", "store-unavailable")


async def test_who_waits_for_the_object_store_can_be_cancelled(bench):
    task = await bench.begin()
    bench.objects_away = True
    await bench.scoring.end(ScoringError("artifact-store-unavailable", "gone"))
    await bench.act(lambda each: each.cancel(requested_by="x", reason=None, request_id="c", at=bench.clock.now()))
    await task

    assert bench.end.status == "cancelled"


async def test_an_end_waits_for_a_store_that_fails_at_everything_as_for_one_that_is_away(bench):
    task = await bench.begin()
    bench.store.broken = True
    await asyncio.sleep(0.1)
    await bench.scoring.end(outcome())
    await asyncio.sleep(0.3)
    assert not task.done()
    bench.store.broken = False
    await asyncio.wait_for(task, 5)

    assert bench.end.status == "succeeded"
