"""The aggregate's rules, one by one."""

from dataclasses import replace
from datetime import timedelta

import pytest

from schemas.executions import ExecutionCancelling, ExecutionFinished, ExecutionMatched, ExecutionStarted
from schemas.observations import MetricsObserved
from services.executor.domain.ending import Failed, Interrupted, Observed, Succeeded, TimedOut
from services.executor.domain.errors import AlreadyFinished, ExecutionIdConflict, LeaseLost
from services.executor.domain.execution import LONGEST_PAUSE
from services.executor.domain.terms import Tenure
from tests.unit.executor.fakes import NOON
from tests.unit.executor.requests import PREFIX, queued

FIRST = Tenure("a", 1)
LATER = NOON + timedelta(seconds=5)
SUCCESS = Succeeded(
    output_uri=PREFIX,
    manifest_uri=f"{PREFIX}manifest.json",
    manifest_sha256="b" * 64,
    rows_in=10,
    rows_out=9,
    rows_rejected=1,
    metrics={"prediction_mean": 1.5, "Verkäufe (kg)_mean": 2.0, "_x": 3.0, "prediction_max": float("inf")},
    log_uri=None,
)
OUTAGE = Failed(code="store-unavailable", message="away", retryable=True)


def started(**said):
    execution = queued(**said)
    execution.start("a", NOON)
    execution.events.clear()
    return execution


def last(execution) -> ExecutionFinished:
    return next(each for each in execution.events if isinstance(each, ExecutionFinished))


def cancel(execution, at=NOON):
    execution.cancel(requested_by="anonymous", reason=None, request_id="c1", at=at)


def test_a_success_says_everything_in_one_go():
    execution = started()
    execution.finish(FIRST, SUCCESS, LATER)

    finished, observed = execution.events
    assert isinstance(finished, ExecutionFinished)
    assert isinstance(observed, MetricsObserved)
    assert (finished.status, finished.attempt, finished.rows_in, finished.rows_rejected) == ("succeeded", 1, 10, 1)
    assert finished.output is not None
    assert finished.output.manifest_sha256 == "b" * 64
    assert (finished.duration_s, finished.queue_s, finished.deployment_revision) == (5.0, 0.0, 2)
    assert (observed.execution_id, observed.attempt) == (execution.execution_id, 1)
    assert {each.time for each in observed.points} == {LATER}
    assert {each.metric: each.value for each in observed.points} == {
        "prediction_mean": 1.5, "Verk_ufe__kg__mean": 2.0, "m_x": 3.0,
        "rows_in": 10, "rows_out": 9, "rows_rejected": 1, "duration_s": 5.0, "queue_s": 0.0,
    }  # fmt: skip


def test_a_failure_that_may_pass_waits_and_is_tried_again_until_the_retries_are_used_up():
    execution = started(retries=1)
    execution.finish(FIRST, OUTAGE, NOON)
    assert (execution.state, execution.events) == ("queued", [])
    assert NOON < execution.claimable_at <= NOON + LONGEST_PAUSE

    execution.start("b", LATER)
    execution.finish(Tenure("b", 2), OUTAGE, LATER)

    assert last(execution).status == "failed"
    assert last(execution).error.code == "store-unavailable"
    assert last(execution).attempt == 2


def test_a_failure_that_stays_ends_it_at_once():
    execution = started(retries=5)
    execution.finish(FIRST, Failed(code="input-corrupt", message="half\x00a file", retryable=False), LATER)

    assert last(execution).status == "failed"
    assert last(execution).error.message == "halfa file"
    assert last(execution).rows_in == 0


def test_a_timeout_ends_it():
    execution = started(timeout_s=60)
    execution.finish(FIRST, TimedOut(), LATER)

    assert last(execution).status == "timed_out"
    assert last(execution).error.code == "timed-out"


def test_a_lost_lease_counts_as_an_attempt():
    execution = started(retries=1)

    assert execution.take_over(FIRST, "b", LATER)
    assert (execution.attempt, execution.owner) == (2, "b")
    assert not execution.take_over(Tenure("b", 2), "c", LATER)

    assert last(execution).status == "failed"
    assert last(execution).error.code == "worker-lost"
    assert last(execution).attempt == 2


def test_of_two_who_see_a_lost_lease_only_the_first_takes_over():
    execution = started(retries=5)

    assert execution.take_over(FIRST, "b", LATER)
    assert not execution.take_over(FIRST, "c", LATER)
    assert execution.is_held_by(Tenure("b", 2))


def test_an_interrupted_attempt_uses_up_no_retry():
    execution = started(retries=0)
    execution.finish(FIRST, Interrupted(), LATER)

    assert (execution.state, execution.failures) == ("queued", 0)
    assert execution.start("b", LATER)
    assert execution.attempt == 2


def test_who_lost_the_fence_changes_nothing():
    execution = started()
    execution.take_over(FIRST, "b", LATER)

    with pytest.raises(LeaseLost):
        execution.finish(FIRST, SUCCESS, LATER)
    assert execution.state == "running"


def test_a_cancellation_that_comes_first_wins_over_a_success():
    execution = started()
    cancel(execution)
    execution.finish(FIRST, SUCCESS, LATER)

    assert [type(each) for each in execution.events] == [ExecutionCancelling, ExecutionFinished]
    assert last(execution).status == "cancelled"
    assert last(execution).output is None


def test_a_cancellation_that_comes_after_the_end_is_refused():
    execution = started()
    execution.finish(FIRST, SUCCESS, LATER)

    with pytest.raises(AlreadyFinished):
        cancel(execution)


def test_what_waits_in_the_queue_is_cancelled_at_once_with_no_attempt():
    execution = queued()
    cancel(execution, LATER)

    assert (last(execution).status, last(execution).attempt, last(execution).started_at) == ("cancelled", 0, None)
    assert (last(execution).duration_s, last(execution).queue_s) == (0.0, 5.0)


@pytest.mark.parametrize("ending", [OUTAGE, Interrupted()])
def test_what_is_cancelled_between_two_attempts_took_as_long_as_its_attempt_without_the_pause(ending):
    execution = started()
    execution.finish(FIRST, ending, LATER)
    cancel(execution, LATER + timedelta(seconds=40))

    assert (last(execution).status, last(execution).duration_s) == ("cancelled", 5.0)
    assert last(execution).finished_at == LATER + timedelta(seconds=40)


def test_an_attempt_that_follows_a_pause_is_measured_from_its_own_start():
    execution = started()
    execution.finish(FIRST, OUTAGE, LATER)
    execution.start("b", LATER + timedelta(seconds=40))
    cancel(execution)
    execution.finish(Tenure("b", 2), Interrupted(), LATER + timedelta(seconds=47))

    assert (last(execution).status, last(execution).duration_s) == ("cancelled", 7.0)


@pytest.mark.parametrize("ending", [SUCCESS, OUTAGE, TimedOut(), Interrupted()])
def test_who_ended_an_attempt_can_see_that_it_did(ending):
    execution = started()
    assert execution.ended is None
    execution.finish(FIRST, ending, LATER)
    assert execution.ended == FIRST


def test_an_attempt_that_was_taken_over_was_not_ended_by_its_owner():
    execution = started(retries=0)
    execution.take_over(FIRST, "b", LATER)
    assert (execution.state, execution.ended) == ("failed", None)


def test_a_cancelled_execution_whose_owner_was_lost_is_ended_and_not_run_again():
    execution = started(retries=3)
    cancel(execution)

    assert not execution.take_over(FIRST, "b", LATER)
    assert last(execution).status == "cancelled"


def test_the_same_content_is_matched_and_other_content_refused():
    execution = queued()
    execution.match("content", "r2")
    assert execution.events == [ExecutionMatched(execution_id=execution.execution_id, request_id="r2")]

    with pytest.raises(ExecutionIdConflict):
        execution.match("other", "r3")


def test_only_one_of_two_can_start_what_waits():
    execution = queued()

    assert execution.start("a", NOON)
    assert not execution.start("b", NOON)
    assert [type(each) for each in execution.events] == [ExecutionStarted]


def test_a_logical_date_keeps_its_microseconds():
    execution = queued(logical_date="2026-11-23T06:00:00.123456Z")
    cancel(execution)

    assert last(execution).logical_date.microsecond == 123456


def test_histograms_travel_in_events_that_are_small_enough_and_none_doubles():
    labels = {"column": "é" * 200, "bin": "1", "low": "-1.7976931348623157e+308", "high": "1.7976931348623157e+308"}
    observed = [Observed(metric="input_histogram", value=float(number), labels=labels) for number in range(2_500)]
    execution = started()
    execution.finish(FIRST, replace(SUCCESS, observed=observed), LATER)

    _, _, *events = execution.events
    assert [len(each.points) for each in events] == [1_000, 1_000, 500]
    assert [point.value for each in events for point in each.points] == list(range(2_500))
    assert {(each.execution_id, each.attempt, each.model_version) for each in events} == {
        (execution.execution_id, 1, 1)
    }
    assert all(len(each.model_dump_json()) < 1_000_000 for each in events)
    assert {point.time for each in events for point in each.points} == {LATER}
