"""Executors as processes, with the real scoring engine: killed, frozen, and asked to end."""

import asyncio
import hashlib
import json
import time

import numpy as np
import psutil
import pytest
from skl2onnx import to_onnx
from sklearn.linear_model import LinearRegression

from tests.integration.executor.bench import features, frame, predicting
from tests.integration.process import starting

pytestmark = [pytest.mark.timeout(280)]

TRAINING = features(500, seed=7)
MODEL = LinearRegression().fit(frame(TRAINING), TRAINING["f0"].to_numpy() * 3)
SIGNATURE = {
    "inputs": [{"name": f"f{n}", "type": "double", "required": True} for n in range(4)],
    "outputs": [],
    "params": [],
}


@pytest.fixture
def onnx_model(bench):
    raw = to_onnx(MODEL, np.zeros((1, 4))).SerializeToString()
    kept = bench.model(raw, "model.onnx", format="onnx")
    artifact = {"uri": kept.uri, "sha256": kept.sha256, "size_bytes": len(raw)}
    return {"format": "onnx", "artifact": artifact, "signature": SIGNATURE}


@pytest.fixture
def sklearn_model(bench):
    """Takes twenty milliseconds a chunk, in the sandbox."""
    kept = bench.code(predicting("(__import__('time').sleep(0.02), np.arange(len(rows), dtype=float))[1]"))
    artifact = {"uri": kept.uri, "sha256": kept.sha256, "size_bytes": 1}
    return {"format": "sklearn", "artifact": artifact, "signature": SIGNATURE}


@pytest.fixture
def slow_model(bench):
    """Takes a fifth of a second a chunk, in the sandbox."""
    kept = bench.code(predicting("(__import__('time').sleep(0.2), np.arange(len(rows), dtype=float))[1]"))
    artifact = {"uri": kept.uri, "sha256": kept.sha256, "size_bytes": 1}
    return {"format": "sklearn", "artifact": artifact, "signature": SIGNATURE}


@pytest.fixture
def long_input(bench):
    """Takes a core several seconds: many small splits."""
    table = features(5_000)
    return {"uri": bench.parquet(*[table] * 150), "format": "parquet"}


@pytest.fixture(scope="module")
def longer_input(bench):
    """Takes a core several times as long as a lease holds."""
    table = features(5_000)
    return {"uri": bench.parquet(*[table] * 500), "format": "parquet"}


def _metrics(said) -> set[str]:
    return {point["metric"] for point in said.data["points"]}


async def test_a_killed_executor_leaves_nothing_and_the_next_one_finishes(
    world, deploy, bench, start_executor, onnx_model, long_input
):
    first = start_executor()
    await asyncio.to_thread(first.await_ready)
    execution_id = await world.run(await deploy(model=onnx_model, input=long_input))
    await _progress(world, execution_id)
    started = psutil.Process(first.pid).children(recursive=True)
    first.kill()
    assert len(started) >= 2
    assert await _all_gone(started), "the driver outlived its executor"

    second = start_executor()
    finished = await world.ended(execution_id, seconds=150)
    assert (finished["status"], finished["attempt"], finished["rows_out"]) == ("succeeded", 2, 750_000)
    manifest = bench.fetch(finished["output"]["manifest_uri"])
    assert hashlib.sha256(manifest).hexdigest() == finished["output"]["manifest_sha256"]
    assert json.loads(manifest)["attempt"] == 2
    assert world.names(execution_id).count("ExecutionFinished") == 1
    observed = await world.observed(execution_id, 2)
    assert await asyncio.to_thread(second.stop) == 0
    assert {"rows_out", "peak_memory_bytes"} <= _metrics(observed[0])
    assert {"input_histogram", "prediction_histogram"} <= _metrics(observed[1])
    assert {each.data["attempt"] for each in observed} == {2}


@pytest.mark.long
@pytest.mark.parametrize("model", ["onnx_model", "sklearn_model"])
async def test_a_frozen_executors_driver_ends_by_itself_and_nothing_of_its_attempt_is_seen(
    world, deploy, bench, start_executor, drivers_folder, longer_input, *, model, request
):
    first, second = start_executor(), start_executor()
    await asyncio.to_thread(first.await_ready)
    await asyncio.to_thread(second.await_ready)
    execution_id = await world.run(await deploy(model=request.getfixturevalue(model), input=longer_input))
    await _progress(world, execution_id)
    owner = world.about(execution_id)[1].data["executor_id"]
    frozen = next(each for each in (first, second) if f":{each.pid}:" in owner)
    if model == "sklearn_model":
        await _until(lambda: "bwrap" in map(_name, _family(frozen)), "no child was held in the sandbox")
    family = _family(frozen)
    folders = set(drivers_folder.iterdir())
    frozen.freeze()

    assert await _ended_by_themselves(family), "the driver outlived its lease"
    finished = await world.ended(execution_id, seconds=150)
    assert psutil.Process(frozen.pid).status() == psutil.STATUS_STOPPED
    frozen.thaw()
    await world.settle(5)

    assert (finished["status"], finished["attempt"]) == ("succeeded", 2)
    assert world.names(execution_id).count("ExecutionFinished") == 1
    observed = world.about(execution_id, "ml.execution.observations")
    assert {each.data["attempt"] for each in observed} == {2}
    assert sum("rows_out" in _metrics(each) for each in observed) == 1
    assert not [each for each in world.about(execution_id) if b"attempt-1/" in each.record.value]
    assert b"attempt-1/" not in bench.fetch(finished["output"]["manifest_uri"])
    await _until(lambda: len(folders & set(drivers_folder.iterdir())) == 1, "its files were left behind")


async def test_a_running_job_is_cancelled_and_the_driver_takes_the_next_one(
    world, deploy, bench, start_executor, onnx_model, long_input
):
    executor = start_executor()
    await asyncio.to_thread(executor.await_ready)
    execution_id = await world.run(await deploy(model=onnx_model, input=long_input))
    await _progress(world, execution_id)
    await world.cancel(execution_id)
    assert (await world.ended(execution_id, seconds=15))["status"] == "cancelled"

    small = {"uri": bench.parquet(features(1_000)), "format": "parquet"}
    next_one = await world.run(await deploy(model=onnx_model, input=small))
    finished = await world.ended(next_one)
    assert (finished["status"], finished["rows_out"]) == ("succeeded", 1_000)


@pytest.mark.long
async def test_what_crashes_under_one_of_two_executions_is_not_felt_by_the_other(
    world, deploy, bench, executor_environment, tmp_path, slow_model
):
    given = {"uri": bench.parquet(*[features(1_000)] * 60), "format": "parquet"}
    with starting("executor", {**executor_environment, "MLP_EXECUTOR_SLOTS": "2"}, tmp_path) as start:
        executor = start()
        await asyncio.to_thread(executor.await_ready)
        ids = [await world.run(await deploy(model=slow_model, input=given)) for _ in range(2)]
        for each in ids:
            await _progress(world, each)
        # A child and a worker are their job's own business.
        _one(executor, "bwrap --die-with-parent").kill()
        await _until(lambda: len(_named(executor, "bwrap --die-with-parent")) == 2, "no child in its place")
        daemon, worker = _family_of(_one(executor, "scoring.driver"), "-m services.executor.scoring.daemon")
        assert worker.ppid() == daemon.pid
        worker.kill()
        _one(executor, "scoring.driver").kill()
        ends = [await world.ended(each, seconds=120) for each in ids]
    assert [each["status"] for each in ends] == ["succeeded"] * 2
    assert [each["rows_out"] for each in ends] == [60_000] * 2
    assert sorted(each["attempt"] for each in ends) == [1, 2]


async def _progress(world, execution_id):
    named = lambda each: each.name == "ExecutionProgressed" and each.data["execution_id"] == execution_id  # noqa: E731
    await world.hear(named)


async def _all_gone(processes: list[psutil.Process], seconds: float = 15) -> bool:
    return not (await asyncio.to_thread(psutil.wait_procs, processes, seconds))[1]


def _one(executor, words: str) -> psutil.Process:
    return _named(executor, words)[0]


def _named(executor, words: str) -> list[psutil.Process]:
    """The executor's descendants whose command lines say so, in the order of their start."""
    return _family_of(psutil.Process(executor.pid), words)


def _family_of(process: psutil.Process, words: str) -> list[psutil.Process]:
    family = [each for each in process.children(recursive=True) if words in _line(each)]
    return sorted(family, key=lambda each: each.pid)


def _line(process: psutil.Process) -> str:
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def _family(executor) -> list[psutil.Process]:
    return psutil.Process(executor.pid).children(recursive=True)


def _name(process: psutil.Process) -> str:
    try:
        return process.name()
    except psutil.NoSuchProcess:
        return ""


async def _ended_by_themselves(processes: list[psutil.Process]) -> bool:
    """Their parent, frozen, can't take note of it."""
    return await _until(lambda: not any(map(_runs, processes)), "they live on", seconds=15)


def _runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


async def _until(holds, what: str, seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, what
        await asyncio.sleep(0.1)
    return True
