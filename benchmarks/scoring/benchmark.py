"""Everybody scores the same in one run: `python -m benchmarks scoring`.

`SCORING_ROUNDS` (3) says how many rounds count; `cases.py` has the variables for what is scored.
"""

import os
import tempfile
from pathlib import Path

from benchmarks.result import Result
from benchmarks.scoring import small
from benchmarks.scoring.arena import open_arena
from benchmarks.scoring.calm import Calm
from benchmarks.scoring.cases import chosen_inputs, make_cases
from benchmarks.scoring.inputs import made
from benchmarks.scoring.memory import peaks_mib
from benchmarks.scoring.report import memory_rows, rows_of
from benchmarks.scoring.rounds import Times, play
from examples.grocery.stack import read_stack
from infra.embedded.layout import CHECKOUT


async def run() -> Result:
    """Rates of all on each input, the platform's ratios, small jobs, memory."""
    rounds = int(os.environ.get("SCORING_ROUNDS", "3"))
    stack = read_stack(CHECKOUT / ".run" / "stack.json")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        async with open_arena(stack, Path(scratch)) as arena:
            cases = await make_cases(chosen_inputs(), arena.s3, arena.bus, Path(scratch))
            peaks = await peaks_mib(arena.engine, cases)
            with Calm() as calm:
                times = [
                    await play(
                        case,
                        arena.contenders,
                        calm=calm,
                        first=case is cases[0],
                        rounds=rounds,
                        storage=stack.objects,
                    )
                    for case in cases
                ]
            [little] = await make_cases([made(small.ROWS)], arena.s3, arena.bus, Path(scratch), kinds=["linear"])
            rows, series = await small.measure(little, arena)
    rows = [*(row for each in times for row in rows_of(each)), *rows, *memory_rows(peaks)]
    conditions = {"rounds": rounds, "repeated": calm.repeated, "disturbed": calm.disturbed}
    return Result("scoring", "Scoring", rows, conditions, {**_series(times), **series})


def _series(times: list[Times]) -> dict[str, list[float]]:
    return {
        f"{each.case.name}: {name}": [round(one, 3) for one in seconds]
        for each in times
        for name, seconds in each.seconds.items()
    }
