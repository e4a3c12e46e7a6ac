"""How far tasks are and what they log, by datagrams to their driver: lossy, and at no cost to the tasks."""

import contextlib
import json
import secrets
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Self

from services.executor.scoring.job import Progress

_EVERY_S = 0.25
_DATAGRAM_BYTES = 8_192
MAX_LOG_BYTES = 7_680
"""Of log lines in one datagram; the rest is for what is around them."""
_AT_THE_END = 1_000


@dataclass(frozen=True)
class ProgressAddress:
    host: str
    port: int
    token: str


@dataclass
class TaskProgress:
    """A task's end. Rows are the split's so far; a retried task starts again."""

    address: ProgressAddress
    split: int
    _last: float = field(default=0.0)

    def report(self, rows: int, *, done: bool = False, error: dict[str, Any] | None = None) -> None:
        """Sends unless it has just done so. An error ends the job sooner than Spark would."""
        now = time.monotonic()
        if not done and error is None and now - self._last < _EVERY_S:
            return
        self._last = now
        send_message(self.address, {"split": self.split, "rows": rows, "done": done, "error": error})


def send_message(address: ProgressAddress, message: dict[str, Any]) -> None:
    """Lost if it is too long, or if nobody is there."""
    raw = json.dumps({"token": address.token, **message}, ensure_ascii=False).encode(errors="replace")
    with contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(raw[:_DATAGRAM_BYTES], (address.host, address.port))


class ProgressBoard:
    """The driver's end: collects what tasks say and passes it on at most once a second."""

    def __init__(
        self,
        host: str,
        *,
        splits: int,
        rows_total: int | None,
        on_progress: Callable[[Progress], None],
        on_error: Callable[[dict[str, Any]], None],
        on_lines: Callable[[dict[str, Any]], None],
        interval_s: float = 1.0,
    ) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((host, 0))
        self._socket.settimeout(0.2)
        self.address = ProgressAddress(host, self._socket.getsockname()[1], secrets.token_hex(16))
        self._splits, self._rows_total = splits, rows_total
        self._rows: dict[int, int] = {}
        self._done: set[int] = set()
        self._on_progress, self._on_error, self._on_lines = on_progress, on_error, on_lines
        self._interval_s = interval_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="progress", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        # Who listens is woken: a small job isn't kept waiting until it looks up by itself.
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", self._socket.getsockname())
        self._thread.join()
        self._socket.close()

    def _listen(self) -> None:
        told: Progress | None = None
        next_time = 0.0
        while not self._ended.is_set():
            self._receive()
            now, state = time.monotonic(), self._state()
            if now >= next_time and state != told:
                self._on_progress(state)
                told, next_time = state, now + self._interval_s

        self._socket.setblocking(False)
        for _ in range(_AT_THE_END):
            if not self._receive():
                return

    def _receive(self) -> bool:
        """Whether something came."""
        try:
            raw = self._socket.recv(_DATAGRAM_BYTES)
        except (TimeoutError, BlockingIOError):
            return False
        with contextlib.suppress(ValueError, KeyError, TypeError):
            self._take(json.loads(raw))
        return True

    def _take(self, message: dict[str, Any]) -> None:
        if not secrets.compare_digest(message["token"], self.address.token):
            return
        if "log" in message:
            self._on_lines(message["log"])
            return
        self._rows[message["split"]] = message["rows"]
        if message["done"]:
            self._done.add(message["split"])
        if message["error"]:
            self._on_error(message["error"])

    def _state(self) -> Progress:
        return Progress(
            rows_done=sum(self._rows.values()),
            rows_total=self._rows_total,
            splits_done=len(self._done),
            splits_total=self._splits,
        )
