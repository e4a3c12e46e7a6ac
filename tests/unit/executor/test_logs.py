"""The command that shows an execution's log."""

import json

import pytest

from services.executor.logs import Attempt, NoLog, shown


def line(**fields):
    return json.dumps({"time": "2026-11-25T22:00:00.000+00:00", **fields}).encode() + b"\n"


STARTED = line(source="driver", event="started", attempt=1)
SAID = line(source="model", split=3, **{"try": 1}, text="epoch 1")
ENDED = line(source="task", split=3, **{"try": 2}, event="split_ended", rows_in=10, seconds={"read_s": 0.1})


def test_a_line_shows_its_time_its_source_and_its_text():
    said = list(shown(lambda: Attempt("s3://a", ended=True), lambda _: STARTED + SAID + ENDED, follow=False, wait=None))
    assert said == [
        "s3://a",
        "2026-11-25T22:00:00.000+00:00  driver      started attempt=1",
        "2026-11-25T22:00:00.000+00:00  model 3     epoch 1",
        '2026-11-25T22:00:00.000+00:00  task 3      split_ended rows_in=10 seconds={"read_s": 0.1} try=2',
    ]


def test_following_shows_each_line_once_and_the_next_attempt_after_it_until_one_has_ended():
    attempts = [Attempt("s3://a", ended=False)] * 3 + [Attempt("s3://b", ended=False), Attempt("s3://b", ended=True)]
    contents = iter([None, STARTED, STARTED + SAID, STARTED, STARTED + SAID])
    looked = iter(attempts)
    said = list(shown(lambda: next(looked), lambda _: next(contents), follow=True, wait=lambda: None))
    assert [each.split()[-1] for each in said] == ["s3://a", "attempt=1", "1", "s3://b", "attempt=1", "1"]


def test_a_log_that_is_not_there_is_said_to_be_missing():
    with pytest.raises(NoLog, match="yet"):
        list(shown(lambda: Attempt("s3://a", ended=False), lambda _: None, follow=False, wait=None))


def test_what_would_move_the_terminal_is_shown_as_text():
    hostile = line(source="driver", event="failed", message="\x1b[2Jgone\nnew line")
    said = list(
        shown(lambda: Attempt("s3://a", ended=True), lambda _: hostile + b"no json\x07\n", follow=False, wait=None)
    )
    assert all(each.isprintable() for each in said)
    assert said[-1] == "no json\ufffd"
