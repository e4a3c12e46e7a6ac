"""The most that a warm driver and all below it hold while they score."""

import asyncio
from collections.abc import Sequence
from typing import Final

import psutil

from benchmarks.memory import held
from benchmarks.scoring.cases import Case
from benchmarks.scoring.contender import Contender

_EVERY_S: Final = 0.1


async def peaks_mib(engine: Contender, cases: Sequence[Case]) -> dict[str, float]:
    """By case's name, the smallest inputs first: what a large one has left in the heaps would hide what it needs.

    Args:
        engine: scores on a driver that has done nothing yet.
        cases: of at least one size.
    """
    ascending = sorted(cases, key=lambda case: case.data.rows)
    for case in ascending:
        if case.data.rows == ascending[0].data.rows:  # All models are warm before the first look.
            await engine.score(case)
    return {case.name: await _peak_mib(engine, case) for case in ascending}


async def _peak_mib(engine: Contender, case: Case) -> float:
    """In a run of its own, since looking takes time."""
    driver = _driver()
    scoring = asyncio.create_task(engine.score(case))
    peak = 0.0
    while not scoring.done():
        peak = max(peak, sum(await asyncio.to_thread(held, driver)))
        await asyncio.sleep(_EVERY_S)
    await scoring
    return peak


def _driver() -> int:
    """The warm driver that this process has started."""
    return next(
        each.pid for each in psutil.Process().children() if "services.executor.scoring.driver" in each.cmdline()
    )
