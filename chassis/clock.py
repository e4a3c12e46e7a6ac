"""Time and ids, injected so that a test can hold them."""

import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Protocol

NewId = Callable[[], str]


class Clock(Protocol):
    """Two clocks: one to write down, one to measure with."""

    def now(self) -> datetime:
        """Wall time in UTC, for what people and other machines read."""
        ...

    def monotonic(self) -> float:
        """Seconds that never go back, for leases and deadlines."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()


def new_id() -> str:
    """A random UUID."""
    return str(uuid.uuid4())
