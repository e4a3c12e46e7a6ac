"""What an execution's last fact says of a failure that nobody foresaw, and what is left to the logs."""

import copy
import json
from types import SimpleNamespace

import pytest
from obstore.exceptions import GenericError
from structlog.testing import capture_logs

from chassis.settings import S3Settings
from services.executor.scoring import task
from services.executor.scoring.errors import ScoringError, unforeseen
from services.executor.scoring.objects import DATASETS, Bucket
from services.executor.scoring.progress import ProgressAddress
from services.executor.scoring.run import JobRun
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.splits import Split
from services.executor.scoring.task import TaskSpec, score_split
from services.executor.work import job_of
from tests.odd_errors import ODD, SECRET
from tests.unit.executor.requests import outcome, queued
from tests.unit.executor.scoring.test_runlog import PREFIX, FakeBucket

errors = pytest.mark.parametrize("error", ODD.values(), ids=ODD)


def job():
    execution = queued()
    execution.start("a", execution.queued_at)
    return job_of(execution).model_copy(update={"output_prefix": PREFIX})


@pytest.fixture
def run():
    context = SimpleNamespace(defaultParallelism=1, addJobTag=print, removeJobTag=print)
    made = JobRun(context, ScoringSettings(), job(), lambda _: None, here=False)
    made._log._results = made._results = FakeBucket()
    return made


@errors
async def test_a_fact_has_the_kind_of_what_nobody_foresaw_and_the_services_log_has_its_words(bench, error):
    with capture_logs() as logs:
        task = await bench.begin(retries=0)
        await bench.scoring.end(error)
        await task

    said = bench.end.error
    assert SECRET not in said.message
    assert type(error).__name__ in said.message
    assert "log" in said.message
    [logged] = [line for line in logs if line["event"] == "attempt_failed"]
    assert (logged["code"], logged["exc_info"]) == (said.code, True)


async def test_an_end_that_no_fact_can_say_is_not_quoted_in_one(bench):
    task = await bench.begin()
    await bench.scoring.end(outcome(output_uri=f"s3://{SECRET}/"))
    await task

    assert "ValidationError" in bench.end.error.message
    assert SECRET not in bench.end.error.message


@pytest.mark.parametrize("name", ["a file", "objects", "documents", "Java", "Python"])
async def test_words_that_came_as_ours_are_looked_at_again(bench, name):
    task = await bench.begin(retries=0)
    await bench.scoring.end(ScoringError("internal", f"s3://datasets/x: {ODD[name]}", detail=SECRET))
    with capture_logs() as logs:
        await task

    assert bench.end.error.message.startswith("s3://datasets/x:")
    assert not any(each in bench.end.error.message for each in ("/srv", "example", ".scala", "Traceback"))
    assert [line["detail"] for line in logs if line["event"] == "attempt_failed"] == [SECRET]


@errors
def test_a_run_says_its_kind_and_its_log_the_words(run, monkeypatch, error):
    def fail():
        raise error

    monkeypatch.setattr(run, "_execute", fail)
    with pytest.raises(ScoringError) as raised:
        run.execute()

    assert SECRET not in raised.value.message
    assert raised.value.log_uri == f"{PREFIX}log.jsonl"
    [line] = run._results.lines
    assert (line["event"], line["code"], line["message"]) == ("failed", raised.value.code, raised.value.message)
    assert SECRET in line["detail"]


@errors
def test_spark_says_its_words_to_the_log_alone(run, error):
    def parallelize(*_):
        raise error

    run._context.parallelize = parallelize
    with pytest.raises(ScoringError) as raised:
        run._tasks.on_workers(print, [1])

    assert (raised.value.code, SECRET in raised.value.message) == ("worker-lost", False)
    assert SECRET in raised.value.detail


@errors
def test_a_task_says_its_kind_and_its_log_the_words(monkeypatch, error):
    told = []

    def fail(spec, split, progress, log):
        told.append(log)
        raise error

    monkeypatch.setattr(task, "_score", fail)
    spec = TaskSpec(job(), b"", ScoringSettings(), ProgressAddress("127.0.0.1", 9, "token"))
    with pytest.raises(ScoringError) as raised:
        score_split(spec, Split(0, ()))

    assert SECRET not in raised.value.message
    [(_, line)] = told[0].kept
    assert (line["event"], line["code"]) == ("split_failed", raised.value.code)
    assert SECRET in line["detail"]


def test_what_was_said_crosses_to_the_driver_whole():
    error = ScoringError("internal", "torn", retryable=True, log_uri=PREFIX, detail="why")

    for crossed in (copy.copy(error), ScoringError.from_dict(json.loads(json.dumps(error.to_dict())))):
        assert vars(crossed) == vars(error)
    assert vars(error.reworded("broken")) == {**vars(error), "message": "broken"}


def test_a_store_that_is_away_is_named_by_what_it_said_and_not_by_where_it_is():
    bucket = Bucket(S3Settings(), DATASETS)
    words = "Generic S3 error: Error performing GET http://hidden.example:18333/datasets/x in 3 s - "
    for said, told in (
        ("HTTP error: error sending request", "no answer"),
        ("Server returned non-2xx status code: 503 Service Unavailable: <Code>SlowDown</Code>", "SlowDown"),
        ("Server returned non-2xx status code: 502 Bad Gateway: ", "HTTP 502"),
    ):
        failure = bucket._told("x", GenericError(words + said), of_input=True)
        assert (failure.code, failure.message) == ("store-unavailable", f"s3://datasets/x: {told}")
        assert SECRET in failure.detail


def test_of_long_words_both_ends_are_kept():
    detail = unforeseen(ValueError("a" * 100_000 + "z")).detail

    assert (detail[:9], detail[-1], len(detail)) == ("ValueErro", "z", 4_003)
