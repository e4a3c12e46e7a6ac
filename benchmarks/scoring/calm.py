"""Whether the machine is as fast as it was: what a neighbour takes of a shared one shows in no counter.

A fixed piece of work on all cores is timed before and after each measurement. Where it took much longer than it usually
does while the machine is well, the measurement is taken again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from statistics import quantiles
from types import TracebackType
from typing import Final, Self

import numpy as np

from benchmarks.scoring.bare import PROCESSES
from benchmarks.scoring.contender import Scored

_SLOWER: Final = 1.15
_AGAIN: Final = 3
_LOOKS: Final = 12
_FIRST_LOOKS: Final = 8
_WAITS: Final = 10
_PAUSE_S: Final = 2.0
_NUMBERS: Final = 600_000
_STEPS: Final = 1_000_000


class Calm:
    """`repeated` counts measurements that were taken again, `disturbed` those that stayed as they were after that."""

    def __init__(self) -> None:
        self._pool = ProcessPoolExecutor(PROCESSES, get_context("spawn"))
        self._paces = list[float]()
        self.repeated = self.disturbed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    async def measured(self, score: Callable[[], Awaitable[Scored]]) -> Scored:
        """Taken while the machine was calm; if it never is, the calmest of some."""
        taken: list[tuple[float, Scored]] = []
        for again in range(_AGAIN + 1):
            self.repeated += again > 0
            before = await self._calmed()
            scored = await score()
            pace = max(before, await asyncio.to_thread(self._pace))
            if pace <= self._limit():
                return scored
            taken.append((pace, scored))
        self.disturbed += 1
        return min(taken, key=lambda each: each[0])[1]

    async def _calmed(self) -> float:
        """Waits for a while until the work takes as long as usual; how long it took."""
        for _ in range(0 if self._paces else _FIRST_LOOKS):
            await asyncio.to_thread(self._pace)
        pace = await asyncio.to_thread(self._pace)
        for _ in range(_WAITS):
            if pace <= self._limit():
                break
            await asyncio.sleep(_PAUSE_S)
            pace = await asyncio.to_thread(self._pace)
        return pace

    def _limit(self) -> float:
        """By the best quarter of all looks: the best one may have met a processor that nobody else used."""
        return _SLOWER * quantiles(self._paces)[0]

    def _pace(self) -> float:
        """Seconds of the work, in all processes at once."""
        began = time.perf_counter()
        for _ in range(_LOOKS):
            list(self._pool.map(_work, range(PROCESSES)))
        pace = time.perf_counter() - began
        self._paces.append(pace)
        return pace


def _work(seed: int) -> int:
    """A little of what both NumPy and Python do."""
    np.sort(np.random.default_rng(seed).normal(size=_NUMBERS))
    total = 0
    for step in range(_STEPS):
        total += step & 7
    return total
