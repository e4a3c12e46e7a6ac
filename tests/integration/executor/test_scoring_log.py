"""What an attempt tells while it runs and afterwards: its log, line by line, and its figures."""

import asyncio
import contextlib
import json
import time
from typing import Any

import pyarrow as pa
import pytest
from sklearn.linear_model import LinearRegression
from typer.testing import CliRunner

from chassis.settings import S3Settings
from services.executor.logs import app
from services.executor.scoring.errors import ScoringCancelled, ScoringError
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.runlog import find_log
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import FEATURES, Bench, features, predicting, score, signature


def saying(*, pause_s: float = 0) -> str:
    return predicting(
        f"(print('scoring', len(rows), 'rows'), __import__('time').sleep({pause_s}), np.zeros(len(rows)))[2]"
    )


def greedy(megabytes: int) -> str:
    return predicting(f"(np.ones({megabytes} << 17), np.zeros(len(rows)))[1]")


def lines(bench: Bench, job: ScoringJob) -> list[dict[str, Any]]:
    with contextlib.suppress(ScoringError):
        return [json.loads(line) for line in bench.fetch(f"{job.output_prefix}log.jsonl").splitlines()]
    return []


def said(bench: Bench, job: ScoringJob) -> list[str]:
    return [line["text"] for line in lines(bench, job) if line["source"] == "model"]


def events(bench: Bench, job: ScoringJob) -> list[str]:
    return [line["event"] for line in lines(bench, job) if "event" in line]


async def eventually(condition, timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.2)


async def test_the_lines_of_driver_tasks_and_model_can_be_read_while_it_runs_and_after_a_cancellation(
    bench: Bench, driver: WarmDriver
) -> None:
    job = bench.job(bench.parquet(features(40_000)), bench.code(saying(pause_s=1)))
    task = asyncio.create_task(driver.run(job, on_progress=lambda _: None))
    await eventually(lambda: task.done() or "scoring 1000 rows" in said(bench, job))
    assert not task.done()
    assert {"started", "planned", "split_began"} <= set(events(bench, job))
    await driver.cancel()
    with pytest.raises(ScoringCancelled):
        await task
    assert events(bench, job)[-1] == "cancelled"
    assert said(bench, job)


async def test_every_line_is_there_once_when_it_has_ended(bench: Bench, driver: WarmDriver) -> None:
    job = bench.job(bench.parquet(features(8_000)), bench.code(saying()))
    outcome = await score(driver, job)
    assert said(bench, job) == ["scoring 1000 rows"] * 8
    assert (
        events(bench, job).count("split_began") == events(bench, job).count("split_ended") == outcome.metrics["splits"]
    )
    assert {line["source"] for line in lines(bench, job) if line.get("event") == "split_ended"} == {"task"}


async def test_what_a_model_prints_while_it_is_loaded_and_before_it_dies_is_kept(
    bench: Bench, driver: WarmDriver
) -> None:
    body = "(print('\\x1b[31mlast words', flush=True), __import__('os')._exit(7))"
    job = bench.job(bench.parquet(features(10)), bench.code(predicting(body)))
    with pytest.raises(ScoringError) as caught:
        await score(driver, job)
    assert caught.value.log_uri == f"{job.output_prefix}log.jsonl"
    assert "\ufffd[31mlast words" in said(bench, job)
    # A task's lines come by themselves or with its result, whichever is first.
    *before, last = events(bench, job)
    assert (before.count("split_failed"), before.count("scored_without_spark"), last) == (1, 1, "failed")


async def test_a_model_that_floods_its_output_neither_hangs_nor_fills_the_log(bench: Bench, driver: WarmDriver) -> None:
    flood = predicting("([print('x' * 5000) for _ in range(20000)], np.zeros(len(rows)))[1]")
    job = bench.job(bench.parquet(features(100)), bench.code(flood))
    outcome = await score(driver, job)
    assert outcome.rows_out == 100
    assert len(bench.fetch(outcome.log_uri)) < 1 << 20
    assert any("lines left out" in text for text in said(bench, job)) or len(said(bench, job)) >= 100


async def test_what_a_warm_model_prints_after_its_job_is_not_in_the_next_ones_log(
    bench: Bench, driver: WarmDriver
) -> None:
    late = "__import__('threading').Timer(0.3, print, args=['first row', float(rows['f0'].iloc[0])]).start()"
    model = bench.code(predicting(f"({late}, np.zeros(len(rows)))[1]"))
    jobs = [
        bench.job(bench.parquet(pa.table({**dict.fromkeys(FEATURES, [float(n)] * 8_000)})), model) for n in range(2)
    ]
    await score(driver, jobs[0])
    await asyncio.sleep(1)
    await score(driver, jobs[1])
    assert "first row 0.0" not in said(bench, jobs[1])


async def test_rejected_rows_are_counted_by_reason_and_no_value_is_in_the_log(bench: Bench, driver: WarmDriver) -> None:
    table = pa.table({"f0": pa.array(["1.5", "confidential", None, "2.5"])})
    model = bench.sklearn(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]), signature=signature(names=["f0"]))
    raw = b"f0\n1.5\nconfidential\n,,\n2.5\n"
    job = bench.job(bench.new_input(raw, suffix=".csv"), model, format="csv")
    assert table.num_rows == 4
    outcome = await score(driver, job)
    rejected = [line for line in lines(bench, job) if line.get("event") == "rows_rejected"]
    assert {(line.get("column"), line["reason"], line["rows"]) for line in rejected} == {
        ("f0", "a text that can't be read as double", 1),
        (None, "3 fields instead of 1", 1),
    }
    assert b"confidential" not in bench.fetch(outcome.log_uri)


async def test_memory_bytes_and_splits_are_among_the_figures(bench: Bench, driver: WarmDriver) -> None:
    uri = bench.parquet(features(8_000))
    outcome = await score(driver, bench.job(uri, bench.code(greedy(400))))
    metrics, size = outcome.metrics, sum(item.size_bytes for item in bench.job(uri, bench.code("1")).input.objects)
    assert 400 << 20 < metrics["peak_memory_bytes"] < 2 << 30
    assert size / 2 < metrics["bytes_read"] < 3 * size
    manifest = bench.read(outcome).manifest
    assert metrics["bytes_written"] == sum(part["size_bytes"] for part in manifest["parts"])
    assert (metrics["splits"] >= 4, metrics["tasks_retried"]) == (True, 0)
    assert {"rows_per_s", "load_s", "read_s", "score_s", "write_s"} <= set(metrics)


async def test_a_peak_of_an_earlier_run_of_the_warm_model_is_not_this_ones(bench: Bench, driver: WarmDriver) -> None:
    model = bench.code(predicting("(np.ones(500 << 17) if rows['f0'].iloc[0] > 0 else 0, np.zeros(len(rows)))[1]"))
    peaks = []
    for value in (1.0, 0.0):
        uri = bench.parquet(pa.table(dict.fromkeys(FEATURES, [value] * 8_000)))
        peaks.append((await score(driver, bench.job(uri, model))).metrics["peak_memory_bytes"])
    assert peaks[1] < 500 << 20 < peaks[0]


async def test_the_operators_command_shows_a_log_by_its_address(
    bench: Bench, driver: WarmDriver, s3: S3Settings
) -> None:
    job = bench.job(bench.parquet(features(1_000)), bench.code(saying()))
    outcome = await score(driver, job)
    environment = {
        "MLP_S3_ENDPOINT": s3.endpoint,
        "MLP_S3_ACCESS_KEY": s3.access_key.get_secret_value(),
        "MLP_S3_SECRET_KEY": s3.secret_key.get_secret_value(),
    }
    result = CliRunner().invoke(app, [outcome.log_uri], env=environment)
    assert (result.exit_code, "scoring 1000 rows" in result.output) == (0, True)
    missing = CliRunner().invoke(app, [f"{job.output_prefix}other.jsonl"], env=environment)
    assert missing.exit_code == 1


async def test_a_log_is_found_where_there_is_one(bench: Bench, driver: WarmDriver, s3: S3Settings) -> None:
    job = bench.job(bench.parquet(features(10)), bench.code(saying()))
    assert await asyncio.to_thread(find_log, s3, job.output_prefix) is None
    outcome = await score(driver, job)
    assert await asyncio.to_thread(find_log, s3, job.output_prefix) == outcome.log_uri
