"""Finds and ends all that a driver started, even Spark's Python daemon in its own group."""

import contextlib
import fcntl
import os
import shutil
import signal
import time
from pathlib import Path

from chassis.sandbox.command import MARKER

_ROUNDS = 5


def kill_marked(driver_id: str) -> None:
    """Ends every other process that inherited the driver's mark, until none is left."""
    for _ in range(_ROUNDS):
        found = marked(driver_id)
        for pid in found:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        if not found:
            return
        time.sleep(0.05)


def marked(driver_id: str) -> list[int]:
    """Living processes with the mark in their environment, this one left out."""
    wanted = f"{MARKER}={driver_id}".encode()
    return [pid for pid in _pids() if pid != os.getpid() and wanted in _environment(pid)]


def claim_folder(folder: Path) -> int:
    """Marks the folder as in use for as long as this process (or a child that inherits the descriptor) lives."""
    descriptor = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    return descriptor


def sweep_folders(root: Path) -> None:
    """Removes what drivers left that can't have cleaned up themselves."""
    for lock in root.glob("*/lock"):
        with contextlib.suppress(OSError):
            descriptor = os.open(lock, os.O_RDWR | os.O_CLOEXEC)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(lock.parent, ignore_errors=True)
            finally:
                os.close(descriptor)


def _pids() -> list[int]:
    with contextlib.suppress(FileNotFoundError):
        return [int(entry) for entry in os.listdir("/proc") if entry.isdigit()]  # noqa: PTH208 - names, not paths
    return []


def _environment(pid: int) -> list[bytes]:
    with contextlib.suppress(OSError), Path(f"/proc/{pid}/environ").open("rb") as file:
        return file.read().split(b"\0")
    return []
