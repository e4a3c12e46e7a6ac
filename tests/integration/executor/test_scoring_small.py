"""Inputs too small for Spark are scored by the driver's own sandboxed child, and are as safe there."""

import asyncio
import contextlib
import json
import os
import signal
import time

import numpy as np
import psutil
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from services.executor.scoring.errors import ScoringCancelled
from services.executor.scoring.job import ScoringOutcome
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, features, frame, predicting, score
from tests.integration.executor.conftest import warmed
from tests.integration.executor.test_scoring_faults import eventually, processes

SLOW = predicting("(__import__('time').sleep(2.0), np.arange(len(rows), dtype=float))[1]")


def events(bench: Bench, outcome: ScoringOutcome) -> list[str]:
    return [json.loads(line).get("event") for line in bench.fetch(outcome.log_uri).splitlines()]


def estimator() -> LinearRegression:
    table = features(500, seed=7)
    return LinearRegression().fit(frame(table), table["f0"].to_numpy() * 3)


@pytest.mark.parametrize("kind", ["sklearn", "onnx"])
async def test_a_small_input_needs_no_spark_and_gets_the_same_numbers(bench: Bench, driver: WarmDriver, kind) -> None:
    chosen = estimator()
    raw = to_onnx(chosen, np.zeros((1, 4), np.float64)).SerializeToString()
    model = bench.sklearn(chosen) if kind == "sklearn" else bench.model(raw, "model.onnx", format="onnx")
    table = features(1_000)
    outcome = await score(driver, bench.job(bench.parquet(table), model))
    rows = bench.read(outcome).rows.sort_by("id")
    np.testing.assert_allclose(rows["prediction"], chosen.predict(frame(table)), rtol=1e-9, atol=1e-9)
    assert rows["id"].equals(table["id"])
    assert "scored_without_spark" in events(bench, outcome)


async def test_a_cancelled_small_job_ends_in_time_and_leaves_the_driver_warm(bench: Bench, driver: WarmDriver) -> None:
    model = bench.code(predicting("[None for _ in iter(int, 1)] if len(rows) > 10 else np.zeros(len(rows))"), id="loop")
    await score(driver, bench.job(bench.parquet(features(10)), model))
    job = bench.job(bench.parquet(features(11)), model)
    task = asyncio.create_task(score(driver, job))
    await asyncio.sleep(1)
    assert not task.done()
    below = [psutil.Process(each) for each in processes(driver, "bwrap", job.model.sha256)]
    began = time.monotonic()
    assert below
    await driver.cancel()
    with pytest.raises(ScoringCancelled):
        await task
    assert time.monotonic() - began < 5
    assert driver.ready
    await eventually(lambda: not any(each.is_running() for each in below), timeout_s=5)


async def test_a_small_job_whose_child_is_killed_has_another(bench: Bench, driver: WarmDriver) -> None:
    job = bench.job(bench.parquet(features(10)), bench.code(SLOW, id="slow"))
    await score(driver, job)  # Its bins are there from now on.
    again = bench.job(job.input.uri, job.model)
    task = asyncio.create_task(score(driver, again))
    await asyncio.sleep(0.5)
    for each in processes(driver, "bwrap", job.model.sha256):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    outcome = await task
    assert "scored_without_spark" in events(bench, outcome)
    assert bench.read(outcome).rows["id"].to_pylist() == list(range(10))


async def test_loading_counts_again_where_a_warm_models_process_has_ended(bench: Bench, driver: WarmDriver) -> None:
    job = bench.job(bench.parquet(features(10)), bench.sklearn(estimator()))
    await score(driver, job)
    warm = (await score(driver, job)).metrics["load_s"]
    for each in processes(driver, "bwrap", job.model.sha256):
        with contextlib.suppress(ProcessLookupError):
            os.kill(each, signal.SIGKILL)
    again = (await score(driver, job)).metrics["load_s"]
    assert warm < 0.05 < again


async def test_an_input_in_several_pieces_is_for_all_cores(bench: Bench, driver: WarmDriver) -> None:
    outcome = await score(driver, bench.job(bench.parquet(features(4_000)), bench.sklearn(estimator())))
    assert outcome.rows_out == 4_000
    assert "given_to_spark" in events(bench, outcome)


async def test_an_input_that_is_larger_than_the_setting_is_sparks(bench: Bench, scoring_settings) -> None:
    async with warmed(scoring_settings.model_copy(update={"small_bytes": 0})) as driver:
        job = bench.job(bench.parquet(features(10)), bench.sklearn(estimator()))
        assert "given_to_spark" in events(bench, await score(driver, job))
