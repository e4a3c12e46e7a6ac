"""Small jobs: a request for ten thousand rows until its fact, one by one and many at once; and `spark-submit`."""

import asyncio
import os
import subprocess
import time
from collections.abc import Mapping
from statistics import median
from typing import Final

import numpy as np

from benchmarks.result import Row
from benchmarks.scoring.agreement import called_directly, ensure_same, read_scores
from benchmarks.scoring.arena import LOGS, Arena
from benchmarks.scoring.cases import Case
from benchmarks.scoring.contender import OUTPUTS
from benchmarks.scoring.environment import BIN
from benchmarks.scoring.residents import written
from examples.grocery.errors import DemoError
from infra.embedded.layout import CHECKOUT
from services.executor.scoring.objects import DATASETS, RESULTS, Bucket

ROWS: Final = 10_000
ONE_BY_ONE: Final = 40
AT_ONCE: Final = 50
_BOUND_S: Final = 0.5
_FASTER: Final = 25.0
_SUBMITTED: Final = 3
_WARMING: Final = 3
_TARGET: Final = f"{OUTPUTS}/submitted/"


async def measure(case: Case, arena: Arena) -> tuple[list[Row], dict[str, list[float]]]:
    """Figures, and the seconds that they were made of. Raises: Disagreement."""
    platform = arena.platform
    scored = [await platform.score(case) for _ in range(_WARMING)]
    alone = [(await platform.score(case)).seconds for _ in range(ONE_BY_ONE)]
    together = [seconds for seconds, _ in await platform.run_all([case.deployment_id] * AT_ONCE)]
    submitted = [await asyncio.to_thread(_submit, case, arena.peers) for _ in range(_SUBMITTED)]
    results = Bucket(arena.s3, RESULTS)
    keys = {"request → fact": scored[-1].keys, "spark-submit": written(results, _TARGET)}
    scores = {name: read_scores(case, each, results) for name, each in keys.items()}
    ensure_same(case, scores, called_directly(case, Bucket(arena.s3, DATASETS)))
    series = {"one by one": alone, f"{AT_ONCE} at once": together, "spark-submit": submitted}
    return _rows(alone, together, submitted), {f"{case.data.name}, {name}": each for name, each in series.items()}


def _rows(alone: list[float], together: list[float], submitted: list[float]) -> list[Row]:
    unit, usual, submit, last = f"{ROWS // 1000}k rows", median(alone), median(submitted), max(together)
    return [
        Row(f"{unit}, one by one, p50", 1000 * usual, "ms", usual / _BOUND_S, f"the bound of {_BOUND_S} s"),
        Row(f"{unit}, one by one, p99", 1000 * float(np.percentile(alone, 99)), "ms"),
        Row(f"{unit}, {AT_ONCE} at once, p50", 1000 * median(together), "ms"),
        Row(f"{unit}, {AT_ONCE} at once, p99", 1000 * float(np.percentile(together, 99)), "ms"),
        Row(f"{unit}, {AT_ONCE} at once", AT_ONCE / last, "executions/s", usual * AT_ONCE / last, "one by one"),
        Row(f"{unit}, spark-submit", 1000 * submit, "ms", submit / usual, f"one by one (to reach: {_FASTER:g})"),
    ]


def _submit(case: Case, environment: Mapping[str, str]) -> float:
    """The seconds of a whole `spark-submit`. Raises: DemoError: it failed."""
    script = CHECKOUT / "benchmarks" / "scoring" / "peers" / "submitted.py"
    address = (f"s3a://{DATASETS}/{case.data.prefix}", f"s3a://{RESULTS}/{_TARGET}")
    options = ("--driver-class-path", f"{environment['BENCH_JARS']}/*", "--driver-memory", "1g")
    command = [BIN / "spark-submit", *options, script, *address, case.model.path, *case.data.columns]
    began = time.perf_counter()
    with (log := LOGS / "bench-submitted.log").open("wb") as output:
        done = subprocess.run(
            command, cwd=CHECKOUT, env={**os.environ, **environment}, stdout=output, stderr=output, check=False
        )
    if done.returncode:
        raise DemoError(f"spark-submit failed: {log}")
    return time.perf_counter() - began
