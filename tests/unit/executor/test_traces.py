"""What attempts leave, in every state of their execution."""

from itertools import product

import pytest

from services.executor.domain.execution import State
from services.executor.domain.traces import Fate, Trace, try_of

EXECUTION = "00000000-0000-4000-8000-000000000001"
STATES = State.__args__
OURS = f"demand-fr/{EXECUTION}/attempt-2/"


def fate(key: str, state: str | None, latest: int) -> str:
    return Trace.of(f"demand-fr/{EXECUTION}/{key}").fate(state, latest)[0]


@pytest.mark.parametrize(
    ("state", "key", "latest"), [*product(("queued", "running"), ("a", "log.jsonl"), (0, 1, 2, 3))]
)
def test_of_an_execution_that_has_not_ended_nothing_goes(state, key, latest):
    assert fate(f"attempt-2/{key}", state, latest) == Fate.KEPT


@pytest.mark.parametrize("state", ["succeeded", "failed", "cancelled", "timed_out"])
@pytest.mark.parametrize(
    ("key", "latest", "expected"),
    [
        ("part-00000-a.parquet", 3, Fate.GARBAGE),
        ("manifest.json", 3, Fate.GARBAGE),
        ("rejected/part-00000-a.parquet", 3, Fate.GARBAGE),
        ("log.jsonl", 3, Fate.GARBAGE),
        ("log.jsonl", 2, Fate.KEPT),
        ("part-00000-a.parquet", 1, Fate.UNEXPLAINED),
        ("log.jsonl", 1, Fate.UNEXPLAINED),
        ("log.jsonl", 0, Fate.UNEXPLAINED),
    ],
)
def test_of_an_ended_execution_all_goes_that_its_last_attempt_did_not_write(state, key, latest, expected):
    assert fate(f"attempt-2/{key}", state, latest) == expected


@pytest.mark.parametrize("key", ["manifest.json", "part-00000-a.parquet", "rejected/part-00000-a.parquet"])
@pytest.mark.parametrize("state", STATES)
def test_the_last_attempt_keeps_its_output_unless_there_is_none(state, key):
    without = {"failed", "cancelled", "timed_out"}
    assert fate(f"attempt-2/{key}", state, 2) == (Fate.GARBAGE if state in without else Fate.KEPT)


def test_what_an_unknown_execution_wrote_is_unexplained():
    assert fate("attempt-1/log.jsonl", None, 0) == Fate.UNEXPLAINED


def test_every_state_is_one_that_has_ended_or_has_not():
    kept = {state for state in STATES if fate("attempt-1/a", state, 2) == Fate.KEPT}
    assert kept == {"queued", "running"}


@pytest.mark.parametrize(
    "key",
    [
        "_drift/demand/1/bins.json",
        ".readiness/0123",
        f"demand-fr/{EXECUTION}/attempt-2",
        f"demand-fr/{EXECUTION}/attempt-2/",
        f"demand-fr/{EXECUTION}/attempt-02/a",
        f"demand-fr/{EXECUTION}/attempt-0/a",
        f"demand-fr/{EXECUTION}/attempts-2/a",
        f"demand-fr/{EXECUTION.upper().replace('0', 'A')}/attempt-2/a",
        f"Demand/{EXECUTION}/attempt-2/a",
        f"x/demand-fr/{EXECUTION}/attempt-2/a",
        f"demand-fr/{EXECUTION}x/attempt-2/a",
        f"demand-fr/{EXECUTION}/attempt-2/rejected/log.jsonl",
    ],
)
def test_what_only_looks_like_an_attempts_is_none(key):
    assert Trace.of(key) is None


def test_a_log_is_told_from_what_lies_beside_it():
    assert Trace.of(f"{OURS}log.jsonl").address == f"{OURS}log.jsonl"
    for other in ("part-00000-a.parquet", "manifest.json", "my-log.jsonl", "log.jsonl.gz"):
        assert Trace.of(OURS + other).address == OURS


def test_rows_of_a_try_lie_in_a_folder_of_its_execution():
    assert try_of(f"tries/{EXECUTION}/rows.parquet") == EXECUTION
    for other in (f"tries/{EXECUTION}", f"tries/{EXECUTION}x/a", f"sales/tries/{EXECUTION}/a", "tries/a/b"):
        assert try_of(other) is None
