"""An attempt from its claim to its end."""

import asyncio

from chassis.tasks import end
from schemas.executions import ExecutionFinished
from services.executor.domain.terms import Tenure
from services.executor.scoring.errors import ScoringError
from tests.unit.executor.requests import EXECUTION_ID, outcome


async def test_a_success_is_committed(bench):
    task = await bench.begin()
    await bench.scoring.end(outcome())
    await task

    assert (bench.end.status, bench.end.rows_out) == ("succeeded", 9)
    assert bench.scoring.jobs[0].output_prefix.endswith("/attempt-1/")
    assert bench.feed.told
    assert bench.scoring.renewed


async def test_a_cancellation_stops_the_compute(bench):
    task = await bench.begin()
    await bench.act(lambda each: each.cancel(requested_by="x", reason=None, request_id="c", at=bench.clock.now()))
    await task

    assert (bench.end.status, bench.scoring.stopped) == ("cancelled", 1)


async def test_a_timeout_stops_the_compute(bench):
    task = await bench.begin(timeout_s=1)
    await task

    assert (bench.end.status, bench.scoring.stopped) == ("timed_out", 1)


async def test_who_loses_the_lease_stops_and_says_nothing(bench):
    task = await bench.begin()
    bench.leases.held[0].lost = True
    await task

    assert bench.scoring.stopped == 1
    assert not bench.store.of(ExecutionFinished)


async def test_who_was_fenced_off_stops_and_says_nothing(bench):
    task = await bench.begin()
    await bench.act(lambda each: each.take_over(Tenure("a", 1), "b", bench.clock.now()))
    await task

    assert bench.scoring.stopped == 1
    assert not bench.store.of(ExecutionFinished)


async def test_a_stopping_service_gives_the_execution_back(bench):
    task = await bench.begin(retries=0)
    await end(task)

    assert task.cancelled()
    execution = await bench.store.load(EXECUTION_ID)
    assert (execution.state, execution.owner, execution.failures) == ("queued", None, 0)
    assert bench.scoring.stopped == 1


async def test_a_stop_in_the_middle_of_the_commit_loses_nothing(bench):
    task = await bench.begin()

    stopping = []

    async def stopped():
        stopping.append(asyncio.create_task(end(task)))
        await asyncio.sleep(0)

    bench.store.racing = stopped
    await bench.scoring.end(outcome())
    await asyncio.wait((task,))

    assert task.cancelled()
    assert bench.end.status == "succeeded"


async def test_what_nobody_foresaw_ends_the_attempt_and_not_the_executor(bench):
    task = await bench.begin(retries=0)
    await bench.scoring.end(RuntimeError("a bug"))
    await task

    assert (bench.end.status, bench.end.error.code) == ("failed", "internal")


async def test_an_end_that_no_fact_can_say_becomes_a_failure(bench):
    task = await bench.begin()
    await bench.scoring.end(outcome(output_uri="s3://elsewhere/"))
    await task

    assert (bench.end.status, bench.end.error.code) == ("failed", "internal")


async def test_an_error_keeps_its_code_and_its_log(bench):
    task = await bench.begin()
    log_uri = f"s3://results/demand-fr/{EXECUTION_ID}/attempt-1/log.jsonl"
    await bench.scoring.end(ScoringError("input-corrupt", "torn", log_uri=log_uri))
    await task

    assert (bench.end.error.code, bench.end.log_uri) == ("input-corrupt", log_uri)


LOG = f"s3://results/demand-fr/{EXECUTION_ID}/attempt-1/log.jsonl"


async def test_what_was_cancelled_names_the_log_that_it_left(bench):
    bench.stored_logs.add(LOG)
    task = await bench.begin()
    await bench.act(lambda each: each.cancel(requested_by="x", reason=None, request_id="c", at=bench.clock.now()))
    await task

    assert (bench.end.status, bench.end.log_uri) == ("cancelled", LOG)


async def test_what_ran_out_of_time_names_the_log_that_it_left(bench):
    bench.stored_logs.add(LOG)
    await (await bench.begin(timeout_s=1))

    assert (bench.end.status, bench.end.log_uri) == ("timed_out", LOG)


async def test_what_died_with_its_driver_names_the_log_that_was_stored_before(bench):
    bench.stored_logs.add(LOG)
    task = await bench.begin(retries=0)
    await bench.scoring.end(ScoringError("worker-lost", "the Spark driver ended"))
    await task

    assert (bench.end.error.code, bench.end.log_uri) == ("worker-lost", LOG)


async def test_a_log_that_was_never_stored_is_not_named(bench):
    task = await bench.begin(retries=0)
    await bench.scoring.end(ScoringError("worker-lost", "the Spark driver ended"))
    await task

    assert (bench.end.error.code, bench.end.log_uri) == ("worker-lost", None)


async def test_waiting_for_a_driver_does_not_use_the_time_up(bench):
    bench.scoring.begins.clear()
    task = await bench.begin(timeout_s=1)
    await asyncio.sleep(1.5)
    bench.scoring.begins.set()
    await bench.scoring.end(outcome())
    await task

    assert bench.end.status == "succeeded"


async def test_the_watchdog_hears_what_an_attempt_does(bench):
    task = await bench.begin()
    await bench.scoring.end(outcome())
    await task

    assert bench.watchdog.done == ["preparing", "scoring", "ending"]
