import threading

import pytest

from infra.embedded.errors import NotReady, StackError
from infra.embedded.readiness import Interrupted, Watch, await_ready
from infra.embedded.supervision import ProcessInfo

REMEDY = "see its log"


def _never() -> None:
    raise NotReady("connection refused")


def test_it_waits_until_the_probe_succeeds():
    answers = iter([NotReady("not yet"), NotReady("not yet"), None])

    def probe() -> None:
        answer = next(answers)
        if answer is not None:
            raise answer

    await_ready("mongo", probe, stop=threading.Event(), watch=None, remedy=REMEDY)


def test_it_says_why_when_time_is_up():
    with pytest.raises(StackError, match="mongo: not ready after 0 s: connection refused"):
        await_ready("mongo", _never, stop=threading.Event(), watch=None, remedy=REMEDY, within_s=0.2)


def test_it_gives_up_on_a_process_that_keeps_exiting_and_tells_its_last_words():
    starts = iter(range(100))
    watch = Watch(
        look=lambda: ProcessInfo("mongo", "RUNNING", 1, next(starts)),
        last_words=lambda: "disk full",
    )
    with pytest.raises(StackError, match="mongo: keeps exiting: disk full; see its log"):
        await_ready("mongo", _never, stop=threading.Event(), watch=watch, remedy=REMEDY, within_s=20)


def test_it_can_be_interrupted():
    stop = threading.Event()
    stop.set()
    with pytest.raises(Interrupted):
        await_ready("mongo", _never, stop=stop, watch=None, remedy=REMEDY)
