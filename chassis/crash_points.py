"""Named places where a test may have this process die: between a save and what should follow it.

Switched on by `MLP_FAULT_CRASH_FOLDER`, and nothing at all without it. A file there named `<process>.<point>`
(`registry.saved`) is an order: the first process of that name to pass the point takes the file away and kills itself,
so that each order is carried out once.
"""

import os
import signal
from enum import StrEnum
from pathlib import Path

from chassis.settings import FaultSettings


class CrashPoint(StrEnum):
    """Where a process can be told to die, in the words of what has happened and what hasn't."""

    SAVED = "saved"
    """The aggregate and its events are saved; nothing of them is published."""
    PUBLISHED = "published"
    """Events are on the bus; they still are in their outbox."""
    HANDLED = "handled"
    """A record, or a batch of them, was taken to its end; nothing of it is committed."""
    REMEMBERED = "remembered"
    """Older requests are in `handled`; they still are in their aggregate's inbox."""
    REFUSED = "refused"
    """A refusal is saved; it isn't published."""
    BURIED = "buried"
    """A dead letter is on the bus; the offset of its record isn't committed."""
    CLAIMED = "claimed"
    """An attempt has begun; its driver knows nothing of it."""
    SCORED = "scored"
    """The manifest is written; the execution doesn't know."""
    COPIED = "copied"
    """An artifact was copied; no version names it."""
    INSPECTED = "inspected"
    """What an inspection came to is told; the version's own document may not know that it was inspected."""
    RESERVED = "reserved"
    """A deployment's edges are reserved; it isn't saved."""


class CrashPoints:
    """The points of this process. Until it is armed, passing one does nothing."""

    def __init__(self) -> None:
        self._process = ""
        self._folder: Path | None = None

    def arm(self, process: str, settings: FaultSettings) -> None:
        """From now on carry out orders to `process`."""
        self._process, self._folder = process, settings.crash_folder

    def passing(self, point: CrashPoint) -> None:
        """Die here if that was ordered."""
        if self._folder is None:
            return
        try:
            (self._folder / f"{self._process}.{point}").unlink()
        except OSError:
            return
        os.kill(os.getpid(), signal.SIGKILL)


crash_points = CrashPoints()
