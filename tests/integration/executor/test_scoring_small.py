"""Inputs too small for Spark are scored by the driver's own worker, and are as safe there."""

import asyncio
import json
import os
import signal
import time
from collections.abc import AsyncIterator

import numpy as np
import psutil
import pytest
import pytest_asyncio
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from services.executor.scoring.errors import ScoringCancelled
from services.executor.scoring.job import ScoringOutcome
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, features, frame, predicting, score
from tests.integration.executor.conftest import warmed
from tests.integration.executor.test_scoring_faults import eventually, processes

SLOW = predicting("(__import__('time').sleep(2.0), np.arange(len(rows), dtype=float))[1]")


@pytest_asyncio.fixture(scope="module")
async def own_driver(scoring_settings: ScoringSettings, bench: Bench) -> AsyncIterator[WarmDriver]:
    """One whose own worker is there, since it has had a small job."""
    async with warmed(scoring_settings) as driver:
        await with_own_worker(driver, bench)
        yield driver


async def with_own_worker(driver: WarmDriver, bench: Bench) -> None:
    """Returns once small jobs don't go to Spark."""
    for _ in range(20):
        outcome = await score(driver, bench.job(bench.parquet(features(10)), bench.sklearn(estimator())))
        assert outcome.rows_out == 10
        if "given_to_own_worker" in events(bench, outcome):
            return
        await asyncio.sleep(0.5)
    raise AssertionError("small jobs go to Spark all the same")


def events(bench: Bench, outcome: ScoringOutcome) -> list[str]:
    return [json.loads(line).get("event") for line in bench.fetch(outcome.log_uri).splitlines()]


def estimator() -> LinearRegression:
    table = features(500, seed=7)
    return LinearRegression().fit(frame(table), table["f0"].to_numpy() * 3)


@pytest.mark.parametrize("kind", ["sklearn", "onnx"])
async def test_a_small_input_is_given_to_own_worker_and_to_the_same(bench: Bench, own_driver: WarmDriver, kind) -> None:
    chosen = estimator()
    raw = to_onnx(chosen, np.zeros((1, 4), np.float64)).SerializeToString()
    model = bench.sklearn(chosen) if kind == "sklearn" else bench.model(raw, "model.onnx", format="onnx")
    table = features(1_000)
    outcome = await score(own_driver, bench.job(bench.parquet(table), model))
    rows = bench.read(outcome).rows.sort_by("id")
    np.testing.assert_allclose(rows["prediction"], chosen.predict(frame(table)), rtol=1e-9, atol=1e-9)
    assert rows["id"].equals(table["id"])
    assert "given_to_own_worker" in events(bench, outcome)


async def test_spark_takes_over_what_the_own_worker_has_lost(bench: Bench, own_driver: WarmDriver) -> None:
    job = bench.job(bench.parquet(features(10)), bench.code(SLOW, id="slow"))
    await score(own_driver, job)  # Its bins are there from now on.
    await with_own_worker(own_driver, bench)
    again = bench.job(job.input.uri, job.model)
    task = asyncio.create_task(score(own_driver, again))
    await eventually(lambda: processes(own_driver, "bwrap", job.model.sha256))
    await asyncio.sleep(0.5)
    [process] = processes(own_driver, "own_worker")
    os.kill(process, signal.SIGKILL)
    outcome = await task
    found = events(bench, outcome)
    assert found.index("given_to_own_worker") < found.index("given_to_spark") < found.index("split_ended")
    assert bench.read(outcome).rows["id"].to_pylist() == list(range(10))


async def test_a_cancelled_small_job_ends_in_time_and_leaves_the_driver_warm(
    bench: Bench, own_driver: WarmDriver
) -> None:
    model = bench.code(predicting("[None for _ in iter(int, 1)] if len(rows) > 10 else np.zeros(len(rows))"), id="loop")
    await score(own_driver, bench.job(bench.parquet(features(10)), model))
    await with_own_worker(own_driver, bench)
    [process] = processes(own_driver, "own_worker")
    task = asyncio.create_task(score(own_driver, bench.job(bench.parquet(features(11)), model)))
    await asyncio.sleep(1)
    assert not task.done()
    below, began = psutil.Process(process).children(recursive=True), time.monotonic()
    assert below
    await own_driver.cancel()
    with pytest.raises(ScoringCancelled):
        await task
    assert time.monotonic() - began < 5
    assert (psutil.pid_exists(process), own_driver.ready) == (False, True)
    await eventually(lambda: not any(each.is_running() for each in below), timeout_s=5)


async def test_loading_counts_again_where_a_warm_models_process_has_ended(bench: Bench, own_driver: WarmDriver) -> None:
    await with_own_worker(own_driver, bench)
    job = bench.job(bench.parquet(features(10)), bench.sklearn(estimator()))
    [process] = processes(own_driver, "own_worker")
    warm = (await score(own_driver, job)).metrics["load_s"]
    for each in psutil.Process(process).children(recursive=True):
        each.kill()
    again = (await score(own_driver, job)).metrics["load_s"]
    assert warm < 0.05 < again


async def test_an_input_in_several_pieces_is_for_all_cores(bench: Bench, own_driver: WarmDriver) -> None:
    await with_own_worker(own_driver, bench)
    outcome = await score(own_driver, bench.job(bench.parquet(features(4_000)), bench.sklearn(estimator())))
    assert outcome.rows_out == 4_000
    assert "given_to_own_worker" not in events(bench, outcome)


async def test_an_input_that_is_larger_than_the_setting_is_sparks(bench: Bench, scoring_settings) -> None:
    async with warmed(scoring_settings.model_copy(update={"small_bytes": 0})) as driver:
        job = bench.job(bench.parquet(features(10)), bench.sklearn(estimator()))
        for _ in range(2):
            assert "given_to_own_worker" not in events(bench, await score(driver, job))
        assert not processes(driver, "own_worker")
