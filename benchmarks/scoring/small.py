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
from benchmarks.scoring.executor import Engine
from benchmarks.scoring.residents import written
from examples.grocery.errors import DemoError
from infra.embedded.layout import CHECKOUT
from services.executor.scoring.objects import DATASETS, RESULTS, Bucket
from services.executor.scoring.warm_driver import WarmDriver

ROWS: Final = 10_000
_UNIT: Final = f"{ROWS // 1000}k rows"
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
    without, spark = await _handed_out(case, arena)
    submitted = [await asyncio.to_thread(_submit, case, arena.peers) for _ in range(_SUBMITTED)]
    results = Bucket(arena.s3, RESULTS)
    keys = {"request → fact": scored[-1].keys, "spark-submit": written(results, _TARGET)}
    scores = {name: read_scores(case, each, results) for name, each in keys.items()}
    ensure_same(case, scores, called_directly(case, Bucket(arena.s3, DATASETS)))
    names = (
        "one by one",
        f"{AT_ONCE} at once",
        "spark-submit",
        "scoring only, without Spark",
        "scoring only, Spark task",
    )
    series = dict(zip(names, (alone, together, submitted, without, spark), strict=True))
    rows = [*_rows(alone, together, submitted), *_spark_rows(without, spark)]
    return rows, {f"{case.data.name}, {name}": each for name, each in series.items()}


async def _handed_out(case: Case, arena: Arena) -> tuple[list[float], list[float]]:
    """Seconds of scoring alone without Spark, and by a task of Spark's, each on a driver of its own."""
    driver = WarmDriver(arena.settings.model_copy(update={"small_bytes": 0}))
    await driver.start()
    try:
        engines = (arena.engine, Engine(driver, arena.s3))
        # The child that scores without Spark begins with the first job for it: half of them warm.
        seconds = [[(await each.score(case)).seconds for each in engines] for _ in range(2 * ONE_BY_ONE)]
    finally:
        await driver.stop()
    without, spark = zip(*seconds[ONE_BY_ONE:], strict=True)
    return list(without), list(spark)


def _spark_rows(without: list[float], spark: list[float]) -> list[Row]:
    usual, task = median(without), median(spark)
    return [
        Row(f"{_UNIT}, scoring only, without Spark, p50", 1000 * usual, "ms"),
        Row(f"{_UNIT}, scoring only, in a Spark task, p50", 1000 * task, "ms", task / usual, "without"),
    ]


def _rows(alone: list[float], together: list[float], submitted: list[float]) -> list[Row]:
    usual, submit, last = median(alone), median(submitted), max(together)
    return [
        Row(f"{_UNIT}, one by one, p50", 1000 * usual, "ms", usual / _BOUND_S, f"the bound of {_BOUND_S} s"),
        Row(f"{_UNIT}, one by one, p99", 1000 * float(np.percentile(alone, 99)), "ms"),
        Row(f"{_UNIT}, {AT_ONCE} at once, p50", 1000 * median(together), "ms"),
        Row(f"{_UNIT}, {AT_ONCE} at once, p99", 1000 * float(np.percentile(together, 99)), "ms"),
        Row(f"{_UNIT}, {AT_ONCE} at once", AT_ONCE / last, "executions/s", usual * AT_ONCE / last, "one by one"),
        Row(f"{_UNIT}, spark-submit", 1000 * submit, "ms", submit / usual, f"one by one (to reach: {_FASTER:g})"),
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
