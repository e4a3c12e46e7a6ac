"""An attempt that stands still is seen, shown, and ends the process; one that waits for what is away does not."""

import asyncio
import subprocess
import sys
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from chassis.service import Service
from chassis.settings import ChassisSettings
from chassis.tasks import finish
from infra.embedded.layout import CHECKOUT
from services.executor.scoring.errors import ScoringError
from services.executor.watchdog import AttemptStandsStill, AttemptStuck, Watchdog
from tests.unit.executor.attempts import Bench
from tests.unit.executor.fakes import HeldClock
from tests.unit.executor.requests import EXECUTION_ID, outcome, queued


class Dependencies:
    away = None

    async def probe(self):
        return self.away


@pytest.fixture
def clock():
    return HeldClock()


@pytest.fixture
def dependencies():
    return Dependencies()


@pytest.fixture
def watchdog(dependencies, clock):
    return Watchdog(dependencies.probe, clock)


@pytest.fixture
def looks(watchdog, clock):
    async def look(seconds):
        for _ in range(seconds):
            clock.pass_time(1.0)
            await watchdog.look()

    return look


def claimed():
    execution = queued()
    execution.start("a", execution.queued_at)
    return execution


async def test_what_has_been_answered_and_is_not_finished_in_time_ends_the_process(watchdog, looks):
    with watchdog.over(claimed()) as watched, capture_logs() as logs:
        watched.does("ending", within_s=30)
        await looks(30)
        with pytest.raises(AttemptStuck, match=f"{EXECUTION_ID} attempt 1 has been ending for 31 s"):
            await looks(1)
    (said,) = logs
    assert (said["event"], said["log_level"], said["execution_id"]) == ("attempt_stuck", "error", EXECUTION_ID)


async def test_it_is_shown_long_before(watchdog, looks):
    with watchdog.over(claimed()) as watched:
        watched.does("ending", within_s=30)
        await looks(10)
        await watchdog.check()
        await looks(1)
        with pytest.raises(AttemptStandsStill, match="has been ending for 11 s"):
            await watchdog.check()
    await watchdog.check()


async def test_while_something_is_away_nobody_stands_still(watchdog, looks, dependencies):
    with watchdog.over(claimed()) as watched:
        watched.does("ending", within_s=30)
        await looks(20)
        dependencies.away = "documents: no room"
        await looks(100)
        dependencies.away = None
        await looks(10)
        with pytest.raises(AttemptStuck):
            await looks(1)


async def test_a_process_that_was_stopped_blames_no_attempt(watchdog, looks, clock):
    with watchdog.over(claimed()) as watched:
        watched.does("ending", within_s=30)
        clock.pass_time(1000)
        await looks(20)


async def test_each_thing_that_an_attempt_does_has_its_own_time_and_saying_it_twice_gives_no_more(watchdog, looks):
    with watchdog.over(claimed()) as watched:
        watched.does("preparing", within_s=600)
        await looks(500)
        watched.does("scoring", within_s=1000)
        await looks(900)
        watched.does("ending", within_s=30)
        await looks(20)
        watched.does("ending", within_s=30)
        await looks(10)
        with pytest.raises(AttemptStuck):
            await looks(1)


async def test_an_attempt_whose_end_is_never_written_is_found(watchdog, looks):
    bench = Bench()
    bench.run = replace(bench.run, watchdog=watchdog)
    never = asyncio.Event()
    task = await bench.begin()
    bench.store.racing = never.wait
    await bench.scoring.end(outcome())
    await asyncio.sleep(0.05)
    with pytest.raises(AttemptStuck):
        await looks(31)
    never.set()
    await task


@pytest.mark.parametrize("answer", [outcome(), ScoringError("worker-lost", "the Spark driver ended during the job")])
async def test_an_attempt_whose_driver_has_answered_or_died_and_is_never_done_with_is_found(watchdog, looks, answer):
    bench = Bench()
    bench.scoring.returns.clear()
    bench.run = replace(bench.run, watchdog=watchdog)
    task = await bench.begin(timeout_s=3600)
    await bench.scoring.end(answer)
    await asyncio.sleep(0.05)
    await looks(30)
    with pytest.raises(AttemptStuck, match="has been ending for 31 s"):
        await looks(1)
    bench.scoring.returns.set()
    await task


async def test_what_has_been_answered_in_time_is_not_timed_out_afterwards():
    bench = Bench()
    bench.scoring.returns.clear()
    task = await bench.begin(timeout_s=1)
    await bench.scoring.end(outcome())
    await asyncio.sleep(1.3)
    bench.scoring.returns.set()
    await task

    assert (bench.end.status, bench.scoring.stopped) == ("succeeded", 0)


async def test_an_attempt_that_never_gets_a_driver_is_found(watchdog, looks):
    bench = Bench()
    bench.scoring.begins.clear()
    bench.run = replace(bench.run, watchdog=watchdog)
    task = await bench.begin()
    with pytest.raises(AttemptStuck, match="preparing"):
        await looks(601)
    bench.scoring.begins.set()
    await bench.scoring.end(outcome())
    await task


async def test_a_worker_that_fails_ends_the_process_even_where_others_do_not_let_it_go():
    service = Service("registry", ChassisSettings())
    service.health.dependencies.clear()
    ended, release = [], asyncio.Event()
    service._last_resort = lambda: ended.append(True)

    async def stuck():
        await finish(release.wait())

    async def fails():
        await asyncio.sleep(0.05)
        raise AttemptStuck("here")

    async def lives():
        async with asyncio.TaskGroup() as tasks:
            for each in (stuck, fails):
                tasks.create_task(service._endless(each))

    life = asyncio.create_task(lives())
    await asyncio.sleep(0.3)
    assert not life.done()
    assert ended == [True]
    release.set()
    with pytest.raises(ExceptionGroup) as raised:
        await life
    assert raised.group_contains(AttemptStuck)


STUCK = """
import asyncio
from functools import partial
from chassis.last_resort import end_process
from chassis.service import Service
from chassis.settings import ChassisSettings
from services.executor.watchdog import Watchdog
from tests.unit.executor.requests import queued

async def attempt(watchdog):
    with watchdog.over(queued()) as watched:
        watched.does("ending", within_s=0.5)
        while True:
            try:
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                pass

async def lives():
    service = Service("executor", ChassisSettings())
    service.health.dependencies.clear()
    service._last_resort = partial(end_process, within_s=0.5)
    watchdog = Watchdog(service.health.away, service.clock)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(attempt(watchdog))
        tasks.create_task(service._endless(watchdog.run))

asyncio.run(lives())
"""


def test_a_process_with_an_attempt_that_nothing_ends_ends_and_says_why():
    ended = subprocess.run(
        [sys.executable, "-c", STUCK], cwd=CHECKOUT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == 1
    assert "attempt_stuck" in ended.stdout
    assert "Thread" in ended.stderr
