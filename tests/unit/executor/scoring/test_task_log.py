"""Lines from a task to its driver, over a real socket."""

import time

import pytest

from services.executor.scoring.progress import ProgressAddress, ProgressBoard
from services.executor.scoring.tasklog import TaskLog

SAYS = ("on_progress", "on_error", "on_lines")


@pytest.fixture
def taken():
    return []


@pytest.fixture
def board(taken):
    with ProgressBoard(
        "127.0.0.1",
        splits=1,
        rows_total=None,
        on_progress=lambda _: None,
        on_error=lambda _: None,
        on_lines=taken.append,
    ) as board:
        yield board


def lines(taken):
    return [(number, line) for sent in taken for number, line in sent["lines"]]


def eventually(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_tasks_lines_reach_the_driver_while_it_runs(board, taken):
    log = TaskLog(board.address, 3, 2)
    log.hear("loading")
    log.add("split_began", pieces=1)
    eventually(lambda: len(lines(taken)) == 2)
    assert [(line["source"], line["split"], line["try"]) for _, line in lines(taken)] == [
        ("model", 3, 2),
        ("task", 3, 2),
    ]


def test_lines_that_fill_more_than_a_datagram_come_in_several(board, taken):
    log = TaskLog(board.address, 0, 1)
    for number in range(40):
        log._unsent.append((number, {"text": "é" * 1_000}))
    log.flush()
    eventually(lambda: len(lines(taken)) == 40)
    assert [number for number, _ in lines(taken)] == list(range(40))


def test_who_does_not_know_the_token_is_not_heard(board, taken):
    stranger = ProgressAddress(board.address.host, board.address.port, "guessed")
    TaskLog(stranger, 0, 1).add("forged")
    TaskLog(board.address, 0, 1).add("true")
    eventually(lambda: taken)
    assert [line["event"] for _, line in lines(taken)] == ["true"]


def test_what_gets_lost_on_the_way_is_kept_for_the_splits_result_up_to_a_limit():
    log = TaskLog(ProgressAddress("127.0.0.1", 9, "nobody"), 0, 1)
    for number in range(2_000):
        log.hear(f"line {number} {'x' * 100}")
    assert [number for number, _ in log.kept] == list(range(len(log.kept)))
    assert 100 < len(log.kept) < 2_000


def test_what_was_sent_just_before_the_end_is_still_taken(taken):
    board = ProgressBoard(
        "127.0.0.1",
        splits=1,
        rows_total=None,
        on_progress=lambda _: None,
        on_error=lambda _: None,
        on_lines=taken.append,
    )
    log = TaskLog(board.address, 0, 1)
    for number in range(20):
        log.add("line", number=number)
    board._ended.set()
    with board:
        pass
    assert len(lines(taken)) == 20


def test_a_board_keeps_no_small_job_waiting():
    waits = []
    for _ in range(5):
        with ProgressBoard("127.0.0.1", splits=1, rows_total=None, **dict.fromkeys(SAYS, lambda _: None)):
            time.sleep(0.01)
            began = time.monotonic()
        waits.append(time.monotonic() - began)

    assert min(waits) < 0.1
