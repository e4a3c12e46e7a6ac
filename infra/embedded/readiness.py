"""Waiting until a part is ready, or it is clear that it won't be."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from infra.embedded.errors import NotReady, StackError
from infra.embedded.supervision import ProcessInfo

READY_S: Final = 120.0
_PAUSE_S: Final = 0.1
_LOOK_EVERY_S: Final = 1.0
_RESTARTS_ALLOWED: Final = 2


class Interrupted(Exception):
    """Somebody asked to stop waiting."""


@dataclass(frozen=True)
class Watch:
    """What is known of the process behind a part."""

    look: Callable[[], ProcessInfo | None]
    last_words: Callable[[], str]


def await_ready(
    part: str,
    probe: Callable[[], None],
    *,
    stop: threading.Event,
    watch: Watch | None,
    remedy: str,
    within_s: float = READY_S,
) -> None:
    """Probe until it succeeds.

    Args:
        part: for messages.
        probe: raises `NotReady` until it succeeds.
        stop: ends the waiting from outside, with `Interrupted`.
        watch: of the process, where it is ours.
        remedy: what to do about it if it won't get ready.
        within_s: how long to wait.

    Raises:
        StackError: it wasn't ready in time, or its process keeps exiting.
    """
    begun, looked, starts, reason = time.monotonic(), 0.0, set[float](), ""
    while time.monotonic() < begun + within_s:
        try:
            probe()
        except NotReady as error:
            reason = str(error)
        else:
            return
        if watch is not None and time.monotonic() > looked + _LOOK_EVERY_S:
            looked = time.monotonic()
            info = watch.look()
            if info is not None:
                starts.add(info.started)
            if len(starts) > 1 + _RESTARTS_ALLOWED:
                raise StackError(part, f"keeps exiting: {watch.last_words()}", remedy=remedy)
        if stop.wait(_PAUSE_S):
            raise Interrupted
    raise StackError(part, f"not ready after {within_s:.0f} s: {reason}", remedy=remedy)
