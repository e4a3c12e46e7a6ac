"""The ends of logs, and what is added to them."""

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

_BLOCK: Final = 64 * 1024
_POLL_S: Final = 0.3


def last_lines(log: Path, count: int) -> list[str]:
    """At most `count`, of the last 64 KiB."""
    with log.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - _BLOCK))
        return file.read().decode(errors="replace").splitlines()[-count:]


def follow(logs: Mapping[str, Path]) -> Iterator[tuple[str, str]]:
    """Whole lines as they are written, with the name of their log; for ever. A log that is rotated is read anew."""
    positions = {name: _size(log) for name, log in logs.items()}
    while True:
        for name, log in logs.items():
            size = _size(log)
            start = positions[name] if size >= positions[name] else 0
            text = _whole_lines(log, start, size)
            positions[name] = start + len(text)
            yield from ((name, line) for line in text.decode(errors="replace").splitlines())
        time.sleep(_POLL_S)


def _whole_lines(log: Path, start: int, end: int) -> bytes:
    if end <= start:
        return b""
    with log.open("rb") as file:
        file.seek(start)
        text = file.read(end - start)
    return text[: text.rfind(b"\n") + 1]


def _size(log: Path) -> int:
    return log.stat().st_size if log.exists() else 0
