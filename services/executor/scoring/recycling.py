"""When a driver is replaced, and whether there is room to warm another one beside it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from enum import StrEnum

from services.executor.scoring.memory import available_memory
from services.executor.scoring.settings import ScoringSettings


class Reason(StrEnum):
    """Why a driver is replaced."""

    DIED = "died"
    SILENT = "silent"
    """It didn't answer a check in time."""
    JOBS = "jobs"
    AGE = "age"
    MEMORY = "memory"


@dataclass
class Wear:
    """What a driver has behind it since it was warm."""

    jobs: int = 0
    born: float = field(default_factory=time.monotonic)
    memory_bytes: int = 0

    def past(self, settings: ScoringSettings) -> Reason | None:
        """The first limit that it has reached; a limit of 0 is none."""
        limits = (
            (Reason.JOBS, self.jobs, settings.driver_max_jobs),
            (Reason.AGE, time.monotonic() - self.born, settings.driver_max_age_s),
            (Reason.MEMORY, self.memory_bytes, settings.driver_max_memory_bytes),
        )
        return next((reason for reason, value, limit in limits if limit and value >= limit), None)


class Room:
    """One successor at a time in this process, and only while so much memory is free."""

    def __init__(self, needed_bytes: int, *, available: Callable[[], int] = available_memory) -> None:
        self._needed_bytes = needed_bytes
        self._available = available
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def taken(self) -> AsyncGenerator[bool]:
        """Holds the room for the block; whether there is any."""
        async with self._lock:
            yield await asyncio.to_thread(self._available) >= self._needed_bytes
