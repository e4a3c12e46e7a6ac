"""The scoring engine on a standalone cluster, a master and two workers as processes: whatever is killed is replaced."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator, Callable, Iterator

import psutil
import pytest
import pytest_asyncio

from chassis.sandbox.settings import SandboxSettings
from services.executor.scoring.driver_process import DriverProcess
from services.executor.scoring.errors import ScoringCancelled, ScoringError
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.processes import marked
from services.executor.scoring.settings import ScoringSettings, SparkSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench, features, predicting, score
from tests.integration.executor.cluster import Cluster, clustered
from tests.integration.executor.conftest import warmed
from tests.integration.executor.test_scoring_faults import eventually, started
from tests.integration.executor.test_scoring_ranges import SHARING, cuts_in_quotes, lines, scored_csv

SLOW = predicting("(__import__('time').sleep(0.7), np.arange(len(rows), dtype=float))[1]")
ROWS = 8_000


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with clustered(tmp_path_factory.mktemp("cluster")) as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def driver(scoring_settings: ScoringSettings, cluster: Cluster) -> AsyncIterator[WarmDriver]:
    spark = SparkSettings(
        master=cluster.url, driver_host="127.0.0.1", cores_max=2, executors_lost_s=5, secret=cluster.secret
    )
    often = {"driver_check_s": 2.0, "driver_check_timeout_s": 10.0}
    # Its interpreter by the address that it has where this checkout lies, unless said otherwise.
    said = {"spark": spark, "sandbox": SandboxSettings(), **SHARING, **often}
    async with warmed(scoring_settings.model_copy(update=said)) as made:
        yield made


@pytest.fixture(scope="module")
def slow_job(bench: Bench) -> Callable[[], ScoringJob]:
    """Eight row groups of most of a second each, in a sandbox."""
    model = bench.code(SLOW)
    uri = bench.parquet(features(ROWS))
    return lambda: bench.job(uri, model)


async def running(driver: WarmDriver, cluster: Cluster, slow_job: Callable[[], ScoringJob]) -> asyncio.Task:
    """A job of which both workers have their share; one that comes too late to a worker that is new is let go by."""
    await eventually(lambda: driver.ready and len(cluster.executors()) == 2)
    for _ in range(5):
        task = await started(driver, slow_job())
        while not task.done():
            if len(cluster.children()) == 2:
                return task
            await asyncio.sleep(0.05)
        await task
    raise AssertionError("one worker does all")


def scored(bench: Bench, task: asyncio.Task) -> list[int]:
    """The ids of the rows in the parts that count."""
    return bench.read(task.result()).rows["id"].to_numpy().tolist()


async def test_a_job_is_scored_by_both_workers_and_tells_how_far_it_is(driver, cluster, slow_job, bench) -> None:
    task = await running(driver, cluster, slow_job)
    await task
    assert scored(bench, task) == list(range(ROWS))
    assert len(cluster.executors()) == 2
    assert cluster.apps() == 1
    commands = [" ".join(psutil.Process(pid).cmdline()) for pid in marked(driver._process._id)]
    commands += [" ".join(each.cmdline()) for each in cluster.executors()]
    assert commands
    assert not [line for line in commands if cluster.secret in line]


async def test_both_workers_share_a_csv_object_that_is_cut_within_quotes(driver, bench) -> None:
    data = "".join(lines(700, "\r\n")).encode()
    output, log = await scored_csv(bench, driver, bench.new_input(data, suffix=".csv"))
    [planned] = [line for line in log if line.get("event") == "planned"]
    assert planned["splits"] == len(output.manifest["parts"]) > 8
    assert cuts_in_quotes(data, planned["splits"]) > 2
    assert output.rows["id"].to_pylist() == [str(number) for number in range(700) if number % 3]
    assert output.rejected["rejected_row"].to_pylist() == list(range(1, 701, 3))


async def test_an_input_that_does_not_fit_is_refused_by_whoever_plans(driver, bench) -> None:
    with pytest.raises(ScoringError) as caught:
        await score(driver, bench.job(bench.parquet(features(10).drop(["f0"])), bench.code(SLOW)))
    assert (caught.value.code, caught.value.retryable) == ("input-missing-column", False)


@pytest.mark.long
@pytest.mark.parametrize("victim", ["executors", "python_workers", "children"])
async def test_what_is_killed_on_a_worker_is_replaced_and_no_row_is_lost_or_doubled(
    driver, cluster, slow_job, bench, victim
) -> None:
    task = await running(driver, cluster, slow_job)
    before = driver._process
    getattr(cluster, victim)()[0].kill()
    await task
    assert scored(bench, task) == list(range(ROWS))
    assert driver._process is before
    await eventually(lambda: len(cluster.executors()) == 2)


@pytest.mark.long
async def test_a_killed_worker_takes_its_executor_along_and_the_other_one_finishes_the_job(
    driver, cluster, slow_job, bench
) -> None:
    task = await running(driver, cluster, slow_job)
    started_by_worker = cluster.started_by(0)
    cluster.workers[0].kill()
    await task
    assert scored(bench, task) == list(range(ROWS))
    assert await gone(started_by_worker)
    cluster.start_again(0)
    await eventually(lambda: len(cluster.executors()) == 2)


@pytest.mark.long
async def test_a_cancelled_job_leaves_no_child_of_its_on_a_worker_and_the_next_one_runs(
    driver, cluster, slow_job, bench
) -> None:
    await (await running(driver, cluster, slow_job))
    model = bench.code(f"({SLOW})")  # Nobody keeps a child of it warm.
    task = await started(driver, bench.job(bench.parquet(features(ROWS)), model))
    assert len(cluster.children(model.sha256)) == 2
    began = time.monotonic()
    await driver.cancel()
    with pytest.raises(ScoringCancelled):
        await task
    assert time.monotonic() - began < 5
    await eventually(lambda: not cluster.children(model.sha256), timeout_s=5)
    assert (await score(driver, slow_job())).rows_out == ROWS


@pytest.mark.long
async def test_a_killed_driver_leaves_nothing_on_the_cluster_and_is_replaced(driver, cluster, slow_job) -> None:
    task = await running(driver, cluster, slow_job)
    killed, left = driver._process, [*cluster.executors(), *cluster.daemons(), *cluster.children()]
    os.kill(killed.pid, signal.SIGKILL)
    with pytest.raises(ScoringError) as caught:
        await task
    assert (caught.value.code, caught.value.retryable) == ("worker-lost", True)
    assert await gone(left)
    assert not marked(killed._id)
    assert (await score(driver, slow_job())).rows_out == ROWS
    assert cluster.apps() == 1


@pytest.mark.long
async def test_a_job_whose_executors_do_not_come_back_is_given_up_and_the_next_one_runs(
    driver, cluster, slow_job
) -> None:
    task = await running(driver, cluster, slow_job)
    cluster.kill_master()
    for each in cluster.executors():
        each.kill()
    with pytest.raises(ScoringError) as caught:
        await task
    assert (caught.value.code, caught.value.retryable) == ("worker-lost", True)
    await asyncio.to_thread(cluster.start_master)
    assert (await score(driver, slow_job())).rows_out == ROWS


@pytest.mark.long
async def test_an_idle_driver_whose_master_has_forgotten_it_is_replaced(driver, cluster, slow_job) -> None:
    await eventually(lambda: driver.ready and len(cluster.executors()) == 2)
    forgotten = driver._process
    cluster.kill_master()
    await asyncio.to_thread(cluster.start_master)
    await eventually(lambda: driver._process is not forgotten and driver.ready, timeout_s=150)
    assert (await score(driver, slow_job())).rows_out == ROWS


@pytest.mark.long
async def test_a_driver_that_does_not_know_the_secret_is_not_let_in(cluster, scoring_settings) -> None:
    spark = SparkSettings(master=cluster.url, driver_host="127.0.0.1")
    before = cluster.apps()
    process = DriverProcess(scoring_settings.model_copy(update={"spark": spark}))
    with pytest.raises(ScoringError) as caught:
        await process.start(timeout_s=20)
    assert caught.value.code == "worker-lost"
    assert cluster.apps() == before


async def gone(processes: list[psutil.Process]) -> bool:
    return not (await asyncio.to_thread(psutil.wait_procs, processes, 20))[1]
