"""Half of what the platform can take, for long: does anything grow?

`SOAK_MINUTES` (60) says for how long, `SOAK_RATE_HZ` (half of what `saturation` has found) how many requests a second.
"""

import asyncio
import os
import time
from datetime import UTC, datetime
from itertools import cycle
from typing import Final

import numpy as np
import psutil

from benchmarks.memory import held, programs
from benchmarks.result import Result, Row, last
from benchmarks.subjects import changes, execution, make_deployments, make_models, mixed, observation, updates
from benchmarks.traffic import Traffic
from chassis.tasks import TaskGroup, end
from examples.grocery.stack import read_stack
from infra.embedded.layout import CHECKOUT

MODELS: Final = 200
SAMPLE_EVERY_S: Final = 60.0
EXECUTION_HZ: Final = 1 / 15
OBSERVATION_HZ: Final = 1.0
TIMEOUT_S: Final = 120.0

Series = dict[str, list[float]]


async def run() -> Result:
    """Every program's memory each minute, and how fast it grows in the second half."""
    minutes = float(os.environ.get("SOAK_MINUTES", "60"))
    rate_hz = float(os.environ.get("SOAK_RATE_HZ", "0")) or _half_of_saturation_hz()
    stack = read_stack(CHECKOUT / ".run" / "stack.json")
    models = await make_deployments(stack, await make_models(stack, MODELS))
    begun, cpu_s = time.monotonic(), _cpu_s()
    async with Traffic(stack.kafka) as traffic:
        series = await _while_loaded(traffic, models, rate_hz, samples=round(minutes * 60 / SAMPLE_EVERY_S))
        cores = (_cpu_s() - cpu_s) / (time.monotonic() - begun)
        await traffic.answered(timeout_s=TIMEOUT_S)
    rows = [_growth(name, held_mib) for name, held_mib in series.items()]
    rows += [
        Row(f"request → fact, p{each}", float(np.percentile(traffic.answered_ms, each)), "ms") for each in (50, 99)
    ]
    rows.append(Row("the whole stack takes", cores, "cores"))
    conditions = {"minutes": minutes, "rate_hz": rate_hz, "requests": len(traffic.answered_ms), "models": MODELS}
    return Result("soak", "Memory under half load, growth in its second half", rows, conditions, series)


async def _while_loaded(traffic: Traffic, models: list[str], rate_hz: float, *, samples: int) -> Series:
    loading = asyncio.create_task(_load(traffic, models, rate_hz))
    sampling = asyncio.create_task(_sample(traffic, samples))
    await asyncio.wait((loading, sampling), return_when=asyncio.FIRST_COMPLETED)
    await end(*((sampling,) if loading.done() else (loading,)))
    if not loading.cancelled():  # It ends by failing alone.
        loading.result()
    return sampling.result()


async def _load(traffic: Traffic, models: list[str], rate_hz: float) -> None:
    # A deployment remembers each of its changes for good, so they are few and spread over many.
    several = mixed(*[updates(models)] * 9, changes(models))
    async with TaskGroup() as tasks:
        tasks.create_task(traffic.paced(several, rate_hz))
        tasks.create_task(traffic.paced((execution(each) for each in cycle(models)), EXECUTION_HZ))
        tasks.create_task(traffic.paced((observation(each) for each in cycle(models)), OBSERVATION_HZ))


async def _sample(traffic: Traffic, samples: int) -> Series:
    series: Series = {}
    begun = time.monotonic()
    for number in range(samples):
        await asyncio.sleep(max(0.0, begun + (number + 1) * SAMPLE_EVERY_S - time.monotonic()))
        for name, mib in _held().items():
            series.setdefault(name, []).append(round(mib, 2))
        now = {name: round(held_mib[-1]) for name, held_mib in series.items()}
        print(f"{datetime.now(UTC):%H:%M}", f"answered={len(traffic.answered_ms)} waiting={traffic.unanswered}", now)
    return series


def _held() -> dict[str, float]:
    """By program; what an executor has started (a driver, Spark's workers) apart from itself."""
    found: dict[str, float] = {}
    for name, pid in programs().items():
        own, below = held(pid)
        is_executor = name.startswith("executor")
        found |= {name: own, f"{name}'s driver": below} if is_executor else {name: own + below}
    return {**found, "whole stack": sum(found.values())}


def _growth(name: str, held_mib: list[float]) -> Row:
    """By least squares over the second half; the error is two standard errors."""
    half = held_mib[len(held_mib) // 2 :]
    hours = np.arange(len(half)) * SAMPLE_EVERY_S / 3600
    if len(half) < 4:
        return Row(f"{name} at the end", held_mib[-1], "MiB")
    (slope, _), covariance = np.polyfit(hours, half, 1, cov=True)
    error = 2 * float(np.sqrt(covariance[0][0]))
    return Row(name, float(slope), "MiB/h", float(slope) / held_mib[-1], f"its size, {held_mib[-1]:,.0f} MiB", error)


def _half_of_saturation_hz() -> float:
    rates = [row["value"] for row in last("saturation")["rows"] if row["unit"] == "requests/s"]
    return min(rates) / 2


def _cpu_s() -> float:
    roots = [psutil.Process(pid) for pid in programs().values()]
    times = [each.cpu_times() for root in roots for each in (root, *root.children(recursive=True))]
    return sum(each.user + each.system for each in times)
