"""A run's own log, kept beside its output for whoever ran it, and readable there while it runs."""

import json
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, Self

from chassis.settings import S3Settings
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.objects import RESULTS, Bucket, parse_uri

LOG_NAME: Final = "log.jsonl"
EVERY_S: Final = 3.0
MAX_BYTES: Final = 5 << 20
_OURS: Final = 1 << 20
"""Of the size, what a talkative model can't take from the driver's and the tasks' own lines."""


class RunLog:
    """Lines of JSON: time, source, then an event with its fields, or a text. No values of the data in ours.

    While it is entered it is stored every few seconds, if it has grown. Past its size the first lines stay.
    """

    def __init__(
        self, results: Bucket, output_prefix: str, *, every_s: float = EVERY_S, max_bytes: int = MAX_BYTES
    ) -> None:
        self._results = results
        self._key = parse_uri(output_prefix, bucket=RESULTS) + LOG_NAME
        self._every_s, self._max_bytes = every_s, max_bytes
        self._lines: list[bytes] = []
        self._taken: set[tuple[int, int, int]] = set()
        self._size = self._dropped = 0
        self._lines_lock, self._store_lock = threading.Lock(), threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._flush, name="log", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()

    def add(self, event: str, **fields: Any) -> None:
        """A line of the driver's."""
        self._append({"time": now(), "source": "driver", "event": event, **fields})

    def take(self, line: Mapping[str, Any]) -> None:
        """A line of a task's, or of a model's."""
        self._append(line)

    def take_sent(self, sent: Mapping[str, Any]) -> None:
        """Lines of a try of a split, each once: what was lost on the way comes with the split's result."""
        for number, line in sent["lines"]:
            key = (int(sent["split"]), int(sent["try"]), int(number))
            if key not in self._taken:
                self._taken.add(key)
                self.take(line)

    def expect_again(self) -> None:
        """Splits are tried anew: lines with the same numbers are others."""
        self._taken.clear()

    def end(self, event: str, **fields: Any) -> str | None:
        """The last line. Returns the log's address, or None where it couldn't be stored: a log must not fail a run."""
        self._ended.set()
        if self._dropped:
            self._append(
                {"time": now(), "source": "driver", "event": "lines_dropped", "lines": self._dropped}, last=True
            )
        self._append({"time": now(), "source": "driver", "event": event, **fields}, last=True)
        return self._store()

    def _append(self, line: Mapping[str, Any], *, last: bool = False) -> None:
        raw = json.dumps(line, ensure_ascii=False).encode(errors="replace") + b"\n"
        limit = self._max_bytes - (_share_of_ours(self._max_bytes) if "text" in line else 0)
        with self._lines_lock:
            if self._size + len(raw) > limit and not last:
                self._dropped += 1
                return
            self._lines.append(raw)
            self._size += len(raw)

    def _flush(self) -> None:
        stored = 0
        while not self._ended.wait(self._every_s):
            if self._size + self._dropped > stored:
                stored = self._size + self._dropped
                self._store(still=True)

    def _store(self, *, still: bool = False) -> str | None:
        # One at a time: an older state must not overtake the last one.
        with self._store_lock:
            if still and self._ended.is_set():
                return None
            try:
                return self._results.put(self._key, self._content(still=still))
            except ScoringError:
                return None

    def _content(self, *, still: bool) -> bytes:
        with self._lines_lock:
            content, dropped = b"".join(self._lines), self._dropped
        if not still or not dropped:
            return content
        line = {"time": now(), "source": "driver", "event": "lines_dropped", "lines": dropped}
        return content + json.dumps(line).encode() + b"\n"


def find_log(settings: S3Settings, output_prefix: str) -> str | None:
    """The address of an attempt's log, if it has been stored. Raises `ScoringError`."""
    key = parse_uri(output_prefix, bucket=RESULTS) + LOG_NAME
    return f"s3://{RESULTS}/{key}" if Bucket(settings, RESULTS).head(key) else None


def now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _share_of_ours(max_bytes: int) -> int:
    return min(_OURS, max_bytes // 2)
