"""A task's lines for the run's log: sent to the driver as they come, and kept for what gets lost on the way."""

import json
import time
from dataclasses import dataclass, field
from typing import Any, Final

from services.executor.scoring.progress import MAX_LOG_BYTES, ProgressAddress, send_message
from services.executor.scoring.runlog import now

_EVERY_S: Final = 0.25
_KEPT_BYTES: Final = 64 * 1024

Numbered = tuple[int, dict[str, Any]]


@dataclass
class TaskLog:
    """Lines are numbered within a try of a split, so that the driver takes each once.

    What is kept goes with the split's result; of a try that Spark repeats only what was sent in time is seen.
    """

    address: ProgressAddress
    split: int
    attempt: int
    kept: list[Numbered] = field(default_factory=list[Numbered])
    _unsent: list[Numbered] = field(default_factory=list[Numbered])
    _count: int = 0
    _bytes: int = 0
    _sent_at: float = 0.0

    def add(self, event: str, **fields: Any) -> None:
        """A line of ours. Never values of the data."""
        self._append({"time": now(), "source": "task", **self._place(), "event": event, **fields})
        self.flush()

    def hear(self, text: str) -> None:
        """A line that the model's code printed, already cleaned."""
        self._append({"time": now(), "source": "model", **self._place(), "text": text})
        if time.monotonic() - self._sent_at >= _EVERY_S:
            self.flush()

    def flush(self) -> None:
        """Send what hasn't been sent."""
        self._sent_at, unsent, self._unsent = time.monotonic(), self._unsent, []
        for batch in _batches(unsent):
            send_message(self.address, {"log": {**self._place(), "lines": batch}})

    def _place(self) -> dict[str, int]:
        return {"split": self.split, "try": self.attempt}

    def _append(self, line: dict[str, Any]) -> None:
        numbered = (self._count, line)
        self._count += 1
        self._unsent.append(numbered)
        size = _size(numbered)
        if self._bytes + size <= _KEPT_BYTES:
            self.kept.append(numbered)
            self._bytes += size


def _batches(lines: list[Numbered]) -> list[list[Numbered]]:
    """As few as fit into a datagram each."""
    batches, room = list[list[Numbered]](), 0
    for line in lines:
        size = _size(line)
        if size > room:
            batches.append([])
            room = MAX_LOG_BYTES
        batches[-1].append(line)
        room -= size
    return batches


def _size(line: Numbered) -> int:
    return len(json.dumps(line, ensure_ascii=False).encode(errors="replace")) + 2
