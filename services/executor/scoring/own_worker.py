"""A worker of the driver's own: Spark takes longer to hand out a small task than such a task takes.

Run as `python -m services.executor.scoring.own_worker <socket's descriptor>`; it ends when its driver does, whatever it
is doing.
"""

import contextlib
import os
import pickle
import select
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Final, TypeVar

from services.executor.scoring.daemon import preload
from services.executor.scoring.errors import ScoringCancelled, ScoringError
from services.executor.scoring.local_scorer import freeze_heap

_T = TypeVar("_T")
_R = TypeVar("_R")
_LOOK_S: Final = 0.1
_READY: Final = "ready"


class OwnWorker:
    """One task at a time, in a process that stays from job to job."""

    def __init__(self) -> None:
        self._process: subprocess.Popen[bytes] | None = None
        self._link: Connection | None = None
        self._said_ready = False

    @property
    def ready(self) -> bool:
        """Whether a task would begin at once."""
        if self._link is not None and not self._said_ready:
            try:
                self._said_ready = self._link.poll() and self._link.recv() == _READY
            except (EOFError, OSError):
                self.end()
        return self._said_ready

    def begin(self) -> None:
        """Start the process, if there is none and one can be started; it is ready some time later."""
        if self._process is not None:
            return
        ours, theirs = socket.socketpair()
        with theirs, contextlib.suppress(OSError):
            command = [sys.executable, "-m", __spec__.name, str(theirs.fileno())]
            self._process = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)
            self._link = Connection(ours.detach())
        ours.close()

    def run(self, does: Callable[[_T], _R], item: _T, *, cancelled: Callable[[], bool]) -> _R:
        """What `does`, a function of a module's, gives for the item.

        Raises:
            ScoringError: what it raised; `worker-lost` when the process ended.
            ScoringCancelled: `cancelled` said so, and the process was ended.
        """
        if self._link is None or not self._said_ready:
            raise _lost()
        try:
            self._link.send((does, item))
            while not self._link.poll(_LOOK_S):
                if cancelled():
                    self.end()
                    raise ScoringCancelled
            answer: Any = self._link.recv()
        except (EOFError, OSError, pickle.UnpicklingError) as error:
            self.end()
            raise _lost() from error
        if isinstance(answer, ScoringError):
            raise answer
        return answer

    def end(self) -> None:
        """A sandboxed child of its ends with it."""
        if self._process is not None and self._link is not None:
            self._process.kill()
            self._process.wait()
            self._link.close()
        self._process, self._link, self._said_ready = None, None, False


def _lost() -> ScoringError:
    return ScoringError("worker-lost", "the driver's own worker has ended")


def main() -> None:
    link = Connection(int(sys.argv[1]))
    threading.Thread(target=_end_with, args=(link.fileno(),), name="driver", daemon=True).start()
    preload()
    freeze_heap()
    with contextlib.suppress(EOFError, ConnectionError):
        link.send(_READY)
        while True:
            link.send(_answer(*link.recv()))


def _end_with(link: int) -> None:
    """A model that loops would keep this process from seeing that nobody waits for it."""
    poll = select.poll()
    poll.register(link, select.POLLRDHUP)
    poll.poll()
    os._exit(0)


def _answer(does: Callable[[Any], Any], item: Any) -> Any:
    try:
        return does(item)
    except ScoringError as error:
        return error


if __name__ == "__main__":
    main()
