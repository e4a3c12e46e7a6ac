"""Executors that go away: what they leave, and who goes on."""

import asyncio

import pytest

from chassis.tasks import end
from tests.integration.executor.control.jobs import result_of, started
from tests.unit.executor.fakes import FakeScoring

pytestmark = pytest.mark.timeout(120)


async def test_a_stopped_executor_gives_its_attempt_back_and_no_retry_is_used_up(world, deploy, make_executor):
    first, second = FakeScoring(), FakeScoring()
    async with make_executor(lambda: first):
        execution_id = await world.run(await deploy(retries=0))
        await started(first, execution_id)
    assert first.stopped == 1

    async with make_executor(lambda: second):
        await second.end(result_of(await started(second, execution_id)))
        finished = await world.ended(execution_id)
    assert (finished["status"], finished["attempt"]) == ("succeeded", 2)


async def test_two_executors_share_the_work_and_do_nothing_twice(world, deploy, make_executor):
    drivers = [FakeScoring(), FakeScoring()]
    async with make_executor(lambda: drivers[0]), make_executor(lambda: drivers[1]):
        deployment_id = await deploy()
        ids = [await world.run(deployment_id) for _ in range(6)]
        for driver in drivers:
            await driver.started.wait()  # Each holds one before any ends: how the rest is shared is theirs to race for.
        serving = [asyncio.create_task(_serve(driver)) for driver in drivers]
        for each in ids:
            assert (await world.ended(each))["attempt"] == 1
        await end(*serving)
    assert sorted(job.execution_id for driver in drivers for job in driver.jobs) == sorted(ids)


async def _serve(driver: FakeScoring) -> None:
    """End one job after another."""
    while True:
        await driver.started.wait()
        await driver.end(result_of(driver.jobs[-1]))
