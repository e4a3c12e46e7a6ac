"""Small files that must never be seen half-written or by others."""

import fcntl
import json
import os
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PRIVATE = 0o600


def write_private(path: Path, text: str) -> None:
    """Replace `path` atomically; only its owner can read it."""
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, PRIVATE)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    partial.replace(path)


def read_json(path: Path) -> dict[str, Any]:
    """The object in `path`, or an empty one if there is no such file."""
    try:
        return json.loads(path.read_text())
    except FileNotFoundError:
        return {}


def write_json(path: Path, content: dict[str, Any]) -> None:
    write_private(path, json.dumps(content, indent=2) + "\n")


@contextmanager
def locked(path: Path, *, make: bool = True, on_wait: Callable[[], None] | None = None) -> Generator[None]:
    """Hold `path` as a lock between threads and processes; it falls with the process.

    Args:
        path: of the lock.
        make: whether to make it if it isn't there.
        on_wait: called once if somebody else holds it.

    Raises:
        FileNotFoundError: it isn't there, or was deleted by whoever held it, and isn't to be made.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | (os.O_CREAT if make else 0), PRIVATE)
        try:
            _lock(descriptor, on_wait)
            # Deleted by whoever held it, it is another file that others lock from now on.
            if _is_still(path, descriptor):
                yield
                return
        finally:
            os.close(descriptor)


def _lock(descriptor: int, on_wait: Callable[[], None] | None) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if on_wait is not None:
            on_wait()
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def _is_still(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(descriptor))
    except FileNotFoundError:
        return False
