"""Drivers are replaced in time, and nobody who scores on them notices."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable

import pytest
import pytest_asyncio
from prometheus_client import REGISTRY
from sklearn.linear_model import LinearRegression

from services.executor.scoring.job import ScoringJob
from services.executor.scoring.processes import marked
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, features, frame, score
from tests.integration.executor.conftest import warmed
from tests.integration.executor.test_scoring_faults import eventually, processes

ROWS = 100


@pytest_asyncio.fixture(scope="module")
async def worn_driver(scoring_settings: ScoringSettings) -> AsyncIterator[WarmDriver]:
    """Two jobs a driver, and a look at it every second."""
    often = {"driver_max_jobs": 2, "driver_check_s": 1.0, "driver_check_timeout_s": 5.0}
    async with warmed(scoring_settings.model_copy(update=often)) as driver:
        yield driver


@pytest.fixture(scope="module")
def small_job(bench: Bench) -> Callable[[], ScoringJob]:
    table = features(ROWS)
    model = bench.sklearn(LinearRegression().fit(frame(table), table["f0"].to_numpy()))
    uri = bench.parquet(table)
    return lambda: bench.job(uri, model)


def figures() -> tuple[float, ...]:
    """Drivers that are ready and busy, and jobs that succeeded, as `/metrics` shows them."""
    drivers = [REGISTRY.get_sample_value("mlp_scoring_drivers", {"state": each}) or 0.0 for each in ("ready", "busy")]
    done = REGISTRY.get_sample_value("mlp_scoring_job_duration_seconds_count", {"outcome": "succeeded"})
    return (*drivers, done or 0.0)


async def test_jobs_go_on_while_a_successor_is_warmed_and_the_old_driver_leaves_nothing(
    worn_driver: WarmDriver, small_job
) -> None:
    first, ready, rows, counted = worn_driver._process, [], [], figures()
    async with asyncio.timeout(90):
        while worn_driver._process is first:
            rows.append((await score(worn_driver, small_job())).rows_out)
            ready.append(worn_driver.ready)
            await asyncio.sleep(0.2)
    assert set(rows) == {ROWS}
    assert all(ready)
    assert len(rows) > 2, "the slot waited for a start"
    await eventually(lambda: not marked(first._id) and not first._folder.exists())
    assert figures() == (counted[0], counted[1], counted[2] + len(rows))


@pytest.mark.long
async def test_a_driver_that_hangs_while_it_is_idle_is_replaced_and_the_next_job_does_not_fail(
    worn_driver: WarmDriver, small_job
) -> None:
    await eventually(lambda: worn_driver.ready)
    hanging = worn_driver._process
    os.kill(processes(worn_driver, "java")[0], signal.SIGSTOP)
    await eventually(worn_driver._keeper._using.locked)
    assert (await score(worn_driver, small_job())).rows_out == ROWS
    assert worn_driver._process is not hanging
    assert not marked(hanging._id)
