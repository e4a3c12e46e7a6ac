import json
import logging
import subprocess
import sys

import pytest

from chassis.logs import OnceAMinute
from tests.unit.chassis.test_tokens import JWT


def record(name: str, message: str, *, traceback: bool = False) -> logging.LogRecord:
    info = (RuntimeError, RuntimeError(message), None) if traceback else None
    return logging.LogRecord(name, logging.ERROR, "", 1, message, (), info)


def test_a_talkative_library_gets_one_line_a_minute_that_counts_the_others(clock):
    seldom = OnceAMinute(clock.monotonic)
    passed = []
    for number in range(1000):
        line = record("aiokafka.consumer.fetcher", f"failed {number}")
        if seldom.filter(line):
            passed.append(line)
        clock.pass_time(0.125)

    assert [each.held_back for each in passed] == [0, 479, 479]


def test_a_traceback_is_not_held_back_by_other_lines(clock):
    seldom = OnceAMinute(clock.monotonic)
    assert seldom.filter(record("aiokafka", "no connection"))

    assert seldom.filter(record("aiokafka.consumer", "what nobody foresaw", traceback=True))
    assert not seldom.filter(record("aiokafka.consumer", "what nobody foresaw", traceback=True))


def test_others_speak_as_often_as_they_like(clock):
    seldom = OnceAMinute(clock.monotonic)

    assert all(seldom.filter(record("services.registry", "said")) for _ in range(100))


FAILING = """
import logging, structlog
from chassis.logs import configure_logs
from chassis.settings import LogSettings
from tests.unit.chassis.test_tokens import JWT
configure_logs(LogSettings(format={format!r}), service="registry")
try:
    raise RuntimeError("could not take Bearer " + JWT)
except RuntimeError:
    structlog.get_logger().exception("handler_failed", reason="holds " + JWT)
    logging.getLogger("some.library").exception("sent %s", JWT)
"""


@pytest.mark.parametrize("shape", ["json", "console"])
def test_a_token_that_a_failure_quotes_is_in_no_line(shape):
    program = [sys.executable, "-c", FAILING.format(format=shape)]
    said = subprocess.run(program, capture_output=True, text=True, check=True).stdout

    assert JWT not in said
    assert said.count("[cut]") >= 4
    assert "handler_failed" in said
    if shape == "json":
        assert [json.loads(line)["level"] for line in said.splitlines()] == ["error", "error"]
