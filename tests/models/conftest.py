"""Counts the suite's cases by format, module and outcome; and keeps the libraries to one thread, as a child is."""

import sys
from collections import Counter

import pytest
from threadpoolctl import threadpool_limits

from tests.models import harness

_OUTCOMES: Counter[tuple[str, str, str]] = Counter()
_scored = harness.scored


def _counted(name, *arguments, **fields):
    result = _scored(name, *arguments, **fields)
    module = sys._getframe(1).f_globals["__name__"].rpartition(".")[2]
    outcome = "scored" if result.refused is None else result.refused.code
    _OUTCOMES[name, module, outcome] += 1
    return result


harness.scored = _counted


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    with threadpool_limits(1):
        yield


@pytest.fixture
def folder(tmp_path):
    """Where MLflow logs a model: not there yet."""
    return tmp_path / "logged"


def pytest_terminal_summary(terminalreporter):
    if not _OUTCOMES:
        return
    terminalreporter.section("cases by format, module and outcome")
    for (name, module, outcome), count in sorted(_OUTCOMES.items()):
        terminalreporter.write_line(f"{name:10} {module:36} {outcome:20} {count:5}")
