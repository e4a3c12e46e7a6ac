"""What is killed in the middle of a job is replaced; the job goes on or fails as one that may be tried again."""

import asyncio
import contextlib
import json
import os
import signal
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import pytest_asyncio

from chassis.tasks import end
from services.executor.scoring.driver_process import DriverProcess
from services.executor.scoring.errors import ScoringCancelled, ScoringError
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.processes import marked
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, features, frame, predicting, score
from tests.integration.executor.conftest import warmed

SLOW = predicting("(__import__('time').sleep(1.0), np.arange(len(rows), dtype=float))[1]")


@pytest.fixture(scope="module")
def slow_job(bench: Bench) -> Callable[[], ScoringJob]:
    """Eight row groups of a second each, on two workers."""
    model = bench.code(SLOW)
    uri = bench.parquet(features(8_000))
    return lambda: bench.job(uri, model)


@pytest_asyncio.fixture(scope="module")
async def own_driver(scoring_settings: ScoringSettings) -> AsyncIterator[WarmDriver]:
    async with warmed(scoring_settings) as driver:
        yield driver


def processes(driver: WarmDriver, *words: str) -> list[int]:
    """Living processes of the driver whose command line has all the words."""
    found: list[int] = []
    for pid in marked(driver._process._id):
        with contextlib.suppress(OSError):
            line = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
            if all(word in line for word in words):
                found.append(pid)
    return found


async def eventually(condition: Callable[[], object], timeout_s: float = 60) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.05)


def bwrap(driver: WarmDriver) -> list[int]:
    return processes(driver, "bwrap --die-with-parent")


async def cancelled_in_time(driver: WarmDriver, task: asyncio.Task) -> None:
    """Cancel, and see that within five seconds the job has ended, no child is left, and the driver is still warm."""
    began = time.monotonic()
    await driver.cancel()
    with pytest.raises(ScoringCancelled):
        await task
    assert time.monotonic() - began < 5
    await eventually(lambda: not bwrap(driver), timeout_s=5)
    assert driver.ready


async def started(driver: WarmDriver, job: ScoringJob) -> asyncio.Task:
    """The job, with its first rows done."""
    told = []
    task = asyncio.create_task(driver.run(job, on_progress=told.append))
    await eventually(lambda: task.done() or any(one.rows_done for one in told))
    assert not task.done()
    return task


async def test_a_killed_python_worker_is_a_retry(own_driver: WarmDriver, slow_job, bench: Bench) -> None:
    task = await started(own_driver, slow_job())
    # The JVM names the daemon's module as well, and the daemon itself scores nothing.
    [_jvm, _daemon, *workers] = sorted(processes(own_driver, "scoring.daemon"))
    os.kill(workers[0], signal.SIGKILL)
    outcome = await task
    assert (outcome.rows_out, outcome.metrics["tasks_retried"]) == (8_000, 1)
    log = [json.loads(line) for line in bench.fetch(outcome.log_uri).splitlines()]
    assert [line["try"] for line in log if line.get("event") == "split_began" and line["try"] > 1] == [2]
    assert bench.read(outcome).rows["id"].to_numpy().tolist() == list(range(8_000))


async def test_a_killed_child_is_replaced_within_its_task(own_driver: WarmDriver, slow_job, bench: Bench) -> None:
    task = await started(own_driver, slow_job())
    os.kill(bwrap(own_driver)[0], signal.SIGKILL)
    outcome = await task
    assert bench.read(outcome).rows["id"].to_numpy().tolist() == list(range(8_000))


async def test_a_cancelled_job_stops_within_five_seconds_and_leaves_the_driver_warm(
    own_driver: WarmDriver, slow_job
) -> None:
    task = await started(own_driver, slow_job())
    await cancelled_in_time(own_driver, task)


async def test_an_endless_loop_ends_with_its_job_and_leaves_nothing(own_driver: WarmDriver, bench: Bench) -> None:
    model = bench.code(predicting("[None for _ in iter(int, 1)]"))
    task = asyncio.create_task(score(own_driver, bench.job(bench.parquet(features(10)), model)))
    await eventually(lambda: processes(own_driver, "bwrap", model.sha256), timeout_s=20)

    await cancelled_in_time(own_driver, task)


async def test_cancelling_the_waiting_task_stops_the_compute(own_driver: WarmDriver, slow_job) -> None:
    task = await started(own_driver, slow_job())
    began = time.monotonic()
    await end(task)
    assert task.cancelled()
    assert time.monotonic() - began < 5
    await eventually(lambda: not bwrap(own_driver), timeout_s=5)


async def test_a_killed_jvm_fails_the_job_as_worker_lost_and_is_replaced(own_driver: WarmDriver, slow_job) -> None:
    task = await started(own_driver, slow_job())
    os.kill(processes(own_driver, "java")[0], signal.SIGKILL)
    with pytest.raises(ScoringError) as caught:
        await task
    assert (caught.value.code, caught.value.retryable) == ("worker-lost", True)
    await eventually(lambda: own_driver.ready)
    assert (await own_driver.run(slow_job(), on_progress=lambda _: None)).rows_out == 8_000


async def test_a_driver_whose_jvm_died_while_it_was_idle_is_replaced_before_the_next_job(
    own_driver: WarmDriver, slow_job
) -> None:
    await eventually(lambda: own_driver.ready)
    before = own_driver._process
    os.kill(processes(own_driver, "java")[0], signal.SIGKILL)
    await eventually(lambda: own_driver.ready and own_driver._process is not before)
    assert (await own_driver.run(slow_job(), on_progress=lambda _: None)).rows_out == 8_000


@pytest.mark.long
async def test_a_killed_driver_fails_the_job_as_worker_lost_and_leaves_no_process(
    own_driver: WarmDriver, slow_job
) -> None:
    task = await started(own_driver, slow_job())
    driver_id = own_driver._process._id
    os.kill(own_driver._process.pid, signal.SIGKILL)
    with pytest.raises(ScoringError) as caught:
        await task
    assert caught.value.code == "worker-lost"
    await eventually(lambda: not marked(driver_id), timeout_s=10)
    await eventually(lambda: own_driver.ready)


@pytest.mark.long
async def test_a_job_whose_lease_is_not_renewed_ends_with_its_driver(own_driver: WarmDriver, slow_job) -> None:
    driver_id = own_driver._process._id
    with pytest.raises(ScoringError) as caught:
        await own_driver.run(slow_job(), on_progress=lambda _: None, lease_s=1.0)
    assert caught.value.code == "worker-lost"
    await eventually(lambda: not marked(driver_id), timeout_s=10)
    await eventually(lambda: own_driver.ready)


@pytest.mark.long
async def test_a_renewed_lease_holds(own_driver: WarmDriver, slow_job) -> None:
    task = asyncio.create_task(own_driver.run(slow_job(), on_progress=lambda _: None, lease_s=3.0))
    while not task.done():
        own_driver.renew(3.0)
        await asyncio.sleep(0.5)
    assert (await task).rows_out == 8_000


async def test_a_driver_whose_parent_is_gone_leaves_nothing(scoring_settings: ScoringSettings) -> None:
    process = DriverProcess(scoring_settings)
    await process.start(timeout_s=120)
    process._process.stdin.close()
    await asyncio.wait_for(process.ended.wait(), 10)
    await eventually(lambda: not marked(process._id), timeout_s=10)
    await process.kill()
    assert not process._folder.exists()


async def test_jobs_wait_for_one_another(own_driver: WarmDriver, bench: Bench) -> None:
    from sklearn.linear_model import LinearRegression

    table = features(100)
    model = bench.sklearn(LinearRegression().fit(frame(table), table["f0"].to_numpy()))
    jobs = [bench.job(bench.parquet(table), model) for _ in range(3)]
    outcomes = await asyncio.gather(*[score(own_driver, job) for job in jobs])
    assert [outcome.rows_out for outcome in outcomes] == [100, 100, 100]


async def test_a_renewal_that_comes_after_its_job_ends_no_driver(own_driver: WarmDriver) -> None:
    before = own_driver._process
    own_driver.renew(0.5)
    await asyncio.sleep(1.5)
    assert own_driver.ready
    assert own_driver._process is before
