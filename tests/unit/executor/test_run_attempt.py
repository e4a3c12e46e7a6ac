"""An attempt from its claim to its end."""

import asyncio
import math

import pytest
from prometheus_client import REGISTRY

from chassis.tasks import end
from schemas.executions import ExecutionFinished
from services.executor.domain.terms import Tenure
from services.executor.scoring.errors import ScoringError
from tests.unit.executor.attempts import Bench
from tests.unit.executor.requests import EXECUTION_ID, outcome


@pytest.fixture
def bench():
    return Bench()


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


async def test_an_outage_neither_stops_the_compute_nor_loses_its_result(bench):
    task = await bench.begin()
    bench.store.away = True
    await asyncio.sleep(0.05)
    await bench.scoring.end(outcome())
    await asyncio.sleep(0.05)
    bench.store.away = False
    await task

    assert (bench.end.status, bench.scoring.stopped) == ("succeeded", 0)


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


def sample(name, **labels):
    return REGISTRY.get_sample_value(f"mlp_executor_{name}", labels) or 0


async def test_endings_rows_seconds_and_bytes_are_counted(bench):
    names = [
        ("attempts_total", {"ending": "succeeded", "code": ""}),
        ("rows_total", {"outcome": "scored"}),
        ("rows_total", {"outcome": "rejected"}),
        ("work_seconds_total", {"phase": "read"}),
        ("bytes_total", {"direction": "written"}),
    ]
    before = [sample(name, **labels) for name, labels in names]
    task = await bench.begin()
    assert sample("running_attempts") == 1
    await bench.scoring.end(outcome(metrics={"read_s": 1.5, "bytes_written": 700.0}))
    await task

    after = [sample(name, **labels) for name, labels in names]
    assert [end - begin for end, begin in zip(after, before, strict=True)] == [1, 9, 1, 1.5, 700]
    assert sample("running_attempts") == 0


async def test_a_figure_that_is_no_number_spoils_no_counter_and_no_ending(bench):
    task = await bench.begin()
    await bench.scoring.end(outcome(metrics={"score_s": float("nan"), "read_s": -1.0, "load_s": float("inf")}))
    await task

    assert bench.end.status == "succeeded"
    assert all(math.isfinite(sample("work_seconds_total", phase=phase)) for phase in ("score", "read", "load"))


async def test_a_failed_attempt_is_counted_by_its_code_even_if_another_follows(bench):
    labels = {"ending": "failed", "code": "store-unavailable"}
    before = sample("attempts_total", **labels)
    task = await bench.begin(retries=1)
    await bench.scoring.end(ScoringError("store-unavailable", "only this one"))
    await task

    assert sample("attempts_total", **labels) == before + 1


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


async def test_waiting_for_a_driver_does_not_use_the_time_up(bench):
    bench.scoring.begins.clear()
    task = await bench.begin(timeout_s=1)
    await asyncio.sleep(1.5)
    bench.scoring.begins.set()
    await bench.scoring.end(outcome())
    await task

    assert bench.end.status == "succeeded"


async def test_an_end_whose_answer_was_lost_is_counted_once(bench):
    labels = {"ending": "succeeded", "code": ""}
    before = sample("attempts_total", **labels), sample("rows_total", outcome="scored")
    task = await bench.begin()
    bench.store.answers_lost = 2
    await bench.scoring.end(outcome())
    await task

    assert bench.end.status == "succeeded"
    after = sample("attempts_total", **labels), sample("rows_total", outcome="scored")
    assert (after[0] - before[0], after[1] - before[1]) == (1, 9)


async def test_the_watchdog_hears_what_an_attempt_does(bench):
    task = await bench.begin()
    await bench.scoring.end(outcome())
    await task

    assert bench.watchdog.done == ["preparing", "scoring", "ending"]


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
