"""The log of a run: readable while it runs, bounded, and complete at the end."""

import json
import time

import pytest

from services.executor.scoring.errors import ScoringError
from services.executor.scoring.runlog import RunLog

PREFIX = "s3://results/demand-fr/e1/attempt-1/"


class FakeBucket:
    """Keeps the last object, unless it is away."""

    def __init__(self):
        self.objects, self.puts, self.away = {}, 0, False

    def put(self, key, data):
        if self.away:
            raise ScoringError("store-unavailable", "switched off by the test")
        self.objects[key] = data
        self.puts += 1
        return f"s3://results/{key}"

    @property
    def lines(self):
        return [json.loads(line) for line in self.objects["demand-fr/e1/attempt-1/log.jsonl"].splitlines()]


def eventually(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.fixture
def bucket():
    return FakeBucket()


def test_it_can_be_read_while_the_run_goes_on(bucket):
    with RunLog(bucket, PREFIX, every_s=0.02) as log:
        log.add("started", attempt=1)
        eventually(lambda: bucket.objects)
        assert [line["event"] for line in bucket.lines] == ["started"]
        log.take({"time": "t", "source": "model", "split": 0, "text": "hello"})
        eventually(lambda: len(bucket.lines) == 2)
        assert log.end("finished") == f"{PREFIX}log.jsonl"
    assert [(line["source"], line.get("event")) for line in bucket.lines] == [
        ("driver", "started"), ("model", None), ("driver", "finished"),
    ]  # fmt: skip


def test_it_is_not_stored_again_when_nothing_was_added(bucket):
    with RunLog(bucket, PREFIX, every_s=0.01) as log:
        log.add("started")
        eventually(lambda: bucket.puts)
        time.sleep(0.1)
        assert bucket.puts == 1


def test_past_its_size_the_first_lines_stay_and_one_line_says_how_many_do_not(bucket):
    with RunLog(bucket, PREFIX, every_s=0.02, max_bytes=1_000) as log:
        for number in range(100):
            log.add("line", number=number)
        eventually(lambda: bucket.objects)
        assert bucket.lines[-1]["event"] == "lines_dropped"
        log.end("finished")
    kept = [line for line in bucket.lines if line["event"] == "line"]
    assert [line["number"] for line in kept] == list(range(len(kept)))
    assert [line["event"] for line in bucket.lines[len(kept) :]] == ["lines_dropped", "finished"]
    assert bucket.lines[-2]["lines"] == 100 - len(kept)


def test_a_talkative_model_leaves_room_for_our_own_lines(bucket):
    with RunLog(bucket, PREFIX, max_bytes=4_000) as log:
        for _ in range(1_000):
            log.take({"time": "t", "source": "model", "split": 0, "text": "chatter"})
        log.take({"time": "t", "source": "task", "split": 0, "event": "split_ended"})
        log.end("finished")
    assert "split_ended" in {line.get("event") for line in bucket.lines}


def test_a_log_that_cannot_be_stored_fails_nothing(bucket):
    bucket.away = True
    with RunLog(bucket, PREFIX, every_s=0.01) as log:
        log.add("started")
        time.sleep(0.05)
        assert log.end("finished") is None


def test_a_line_that_is_no_text_is_still_a_line(bucket):
    with RunLog(bucket, PREFIX) as log:
        log.take({"time": "t", "source": "model", "split": 0, "text": "half a pair: \ud800"})
        log.end("finished")
    assert len(bucket.lines) == 2
