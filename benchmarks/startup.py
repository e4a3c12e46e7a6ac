"""`make down` and `make up` with everything downloaded, timed as a whole process."""

import asyncio
import sys
import time

from benchmarks.result import Result, Row
from infra.embedded.layout import CHECKOUT

BOUND_S = 45.0
RUNS = 3


async def run() -> Result:
    """The median of a few warm starts; leaves the stack up."""
    taken: list[float] = []
    stopped: list[float] = []
    for _ in range(RUNS):
        stopped.append(await _timed("down"))
        taken.append(await _timed("up"))
    up, down = sorted(taken)[RUNS // 2], sorted(stopped)[RUNS // 2]
    rows = [Row("make up, warm", up, "s", up / BOUND_S, f"the bound of {BOUND_S:.0f} s"), Row("make down", down, "s")]
    return Result("startup", "Starting and stopping the stack", rows, {"runs": RUNS})


async def _timed(verb: str) -> float:
    begun = time.monotonic()
    command = (sys.executable, "-m", "infra.embedded", verb)
    process = await asyncio.create_subprocess_exec(*command, cwd=CHECKOUT, stdout=asyncio.subprocess.DEVNULL)
    if await process.wait() != 0:
        raise RuntimeError(f"{verb} failed; `python -m infra.embedded {verb}` says why")
    return time.monotonic() - begun
