"""The driver's own worker: a process from task to task, which may end at any time."""

import os
import time
from collections.abc import Iterator

import pytest

from services.executor.scoring.errors import ScoringCancelled, ScoringError
from services.executor.scoring.own_worker import OwnWorker


@pytest.fixture
def worker() -> Iterator[OwnWorker]:
    made = OwnWorker()
    wait_for(made)
    yield made
    made.end()


def wait_for(worker: OwnWorker) -> None:
    deadline = time.monotonic() + 60
    worker.begin()
    while not worker.ready:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def run(worker: OwnWorker, does, item=None, *, cancelled=lambda: False):
    return worker.run(does, item, cancelled=cancelled)


def pid_of(_: object) -> int:
    return os.getpid()


def failing(code: str) -> None:
    raise ScoringError(code, "as the test wants", retryable=True)


def ending(status: int) -> None:
    os._exit(status)


def test_tasks_are_done_one_after_another_in_one_process_that_is_not_ours(worker):
    pids = {run(worker, pid_of) for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_nobody_waits_for_its_beginning():
    made = OwnWorker()
    with pytest.raises(ScoringError, match="has ended"):
        run(made, pid_of)
    began = time.monotonic()
    made.begin()
    assert not made.ready
    assert time.monotonic() - began < 0.5
    wait_for(made)
    made.end()


def test_what_a_task_raises_comes_back_and_the_worker_stays(worker):
    before = run(worker, pid_of)
    with pytest.raises(ScoringError) as caught:
        run(worker, failing, "store-unavailable")
    assert (caught.value.code, caught.value.retryable) == ("store-unavailable", True)
    assert run(worker, pid_of) == before


def test_one_that_ends_loses_its_task_and_is_replaced(worker):
    before = run(worker, pid_of)
    with pytest.raises(ScoringError) as caught:
        run(worker, ending, 1)
    assert (caught.value.code, caught.value.retryable) == ("worker-lost", True)
    wait_for(worker)
    assert run(worker, pid_of) != before


def test_a_task_that_nobody_wants_any_more_is_ended_with_its_process(worker):
    process, began = run(worker, pid_of), time.monotonic()
    with pytest.raises(ScoringCancelled):
        run(worker, time.sleep, 60, cancelled=lambda: time.monotonic() - began > 0.3)
    assert time.monotonic() - began < 3
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


@pytest.mark.parametrize("busy", [False, True])
def test_one_whose_driver_is_gone_ends_whatever_it_is_doing(worker, busy):
    process = worker._process
    if busy:
        worker._link.send((time.sleep, 60))
        time.sleep(0.2)
    worker._link.close()
    assert process.wait(timeout=10) == 0
    worker._link = None


def test_one_that_cannot_be_started_is_not_ready(monkeypatch):
    monkeypatch.setattr("sys.executable", "/nowhere/python")
    made = OwnWorker()
    made.begin()
    assert not made.ready
