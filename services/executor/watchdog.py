"""Ends the process when an attempt stands still: what nobody foresaw must not keep a slot and a lease for ever."""

import asyncio
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import structlog

from chassis.bus.perseverance import ProbeAll
from chassis.clock import Clock
from chassis.errors import PlatformError
from services.executor.domain.execution import Execution

log = structlog.get_logger(__name__)

_EVERY_S: Final = 1.0


class AttemptStandsStill(PlatformError):
    """An attempt takes longer over what it does than it ever should."""

    code = "attempt-stands-still"
    retryable = True


class AttemptStuck(RuntimeError):
    """An attempt has stood still for so long that only a new process helps."""


@dataclass
class Watched:
    """One attempt: what it does, how long that may take, and how long it has taken while everything needed was well."""

    execution_id: str
    attempt: int
    doing: str = "preparing"
    within_s: float = 600.0
    taken_s: float = 0.0

    def does(self, what: str, *, within_s: float) -> None:
        """It has come to the next thing. What it does already goes on counting."""
        if what != self.doing:
            self.doing, self.within_s, self.taken_s = what, within_s, 0.0

    def __str__(self) -> str:
        return f"{self.execution_id} attempt {self.attempt} has been {self.doing} for {self.taken_s:.0f} s"


class Watchdog:
    """Looks at every attempt of this process.

    Time counts only as far as it was watched: not while the process was stopped, nor while a dependency was away.
    """

    def __init__(self, probe: ProbeAll, clock: Clock) -> None:
        self._probe = probe
        self._clock = clock
        self._watched: list[Watched] = []
        self._looked_at = clock.monotonic()

    @contextmanager
    def over(self, execution: Execution) -> Generator[Watched]:
        """Watch an attempt that has been claimed."""
        watched = Watched(execution.execution_id, execution.attempt)
        self._watched.append(watched)
        try:
            yield watched
        finally:
            self._watched.remove(watched)

    async def run(self) -> None:
        """Look until cancelled. Raises: AttemptStuck."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Look once. Raises: AttemptStuck."""
        moment = self._clock.monotonic()
        passed_s, self._looked_at = min(moment - self._looked_at, 2 * _EVERY_S), moment
        before = [(each, each.doing) for each in self._watched]
        if not before or await self._probe() is not None:
            return
        for each, doing in before:
            each.taken_s += passed_s if each.doing == doing else 0.0
        for each in self._watched:
            if each.taken_s > each.within_s:
                log.error(
                    "attempt_stuck", execution_id=each.execution_id, attempt=each.attempt, doing=each.doing,
                    for_s=round(each.taken_s),
                )  # fmt: skip
                raise AttemptStuck(str(each))

    async def check(self) -> None:
        """A readiness check: red long before the process ends. Raises: AttemptStandsStill."""
        for each in self._watched:
            if each.taken_s > each.within_s / 3:
                raise AttemptStandsStill(str(each))
