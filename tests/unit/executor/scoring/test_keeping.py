"""A driver is looked at, replaced in time, and never taken away from a job."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import pytest
from prometheus_client import REGISTRY

from services.executor.scoring.errors import ScoringError
from services.executor.scoring.keeping import Keeper
from services.executor.scoring.recycling import Room, Wear
from services.executor.scoring.settings import ScoringSettings


class FakeProcess:
    """A driver that starts and answers as its factory says."""

    def __init__(self, factory: "Factory") -> None:
        self._factory = factory
        self.ended = asyncio.Event()
        self.wear = Wear()
        self.ready = False
        self.checks = 0
        self.killed = False
        self.bytes = 0
        self.answers = asyncio.Event()
        self.answers.set()

    async def start(self, *, timeout_s: float) -> None:
        await self._factory.may_start.wait()
        if self._factory.refusals:
            self._factory.refusals -= 1
            await self.kill()
            raise ScoringError("worker-lost", "no cores")
        self.wear = Wear()
        self.ready = True

    async def check(self, *, timeout_s: float) -> bool:
        self.checks += 1
        try:
            async with asyncio.timeout(timeout_s):
                await self.answers.wait()
        except TimeoutError:
            return False
        return not self.ended.is_set()

    async def memory(self) -> int:
        return self.bytes

    async def kill(self) -> None:
        self.killed, self.ready = True, False
        self.ended.set()


class Factory:
    def __init__(self) -> None:
        self.made: list[FakeProcess] = []
        self.beside: list[int] = []
        self.may_start = asyncio.Event()
        self.may_start.set()
        self.refusals = 0

    def __call__(self, settings: ScoringSettings) -> FakeProcess:
        self.beside.append(sum(not each.killed for each in self.made))
        self.made.append(FakeProcess(self))
        return self.made[-1]


@pytest.fixture
def factory() -> Factory:
    return Factory()


@asynccontextmanager
async def keeping(factory: Factory, *, available: int = 100, **settings: float) -> AsyncGenerator[Keeper]:
    said = {"driver_check_s": 0.05, "driver_check_timeout_s": 0.2, **settings}
    keeper = Keeper(ScoringSettings(**said), Room(100, available=lambda: available), factory)
    await keeper.start()
    try:
        yield keeper
    finally:
        await keeper.stop()
    assert all(each.killed for each in factory.made)


async def eventually(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)


def replaced(reason: str) -> float:
    return REGISTRY.get_sample_value("mlp_scoring_drivers_replaced_total", {"reason": reason}) or 0.0


async def work(keeper: Keeper) -> None:
    async with keeper.lent() as process:
        process.wear.jobs += 1


async def test_an_idle_driver_is_looked_at_again_and_again_and_stays(factory):
    async with keeping(factory) as keeper:
        await eventually(lambda: factory.made[0].checks >= 3)
        assert keeper.process is factory.made[0]
    assert len(factory.made) == 1


async def test_a_driver_that_does_not_answer_is_ended_and_replaced(factory):
    silent = replaced("silent")
    async with keeping(factory) as keeper:
        factory.made[0].answers.clear()
        await eventually(lambda: len(factory.made) == 2 and keeper.process is factory.made[1])
        assert factory.made[0].killed
    assert replaced("silent") == silent + 1


async def test_a_job_that_comes_during_a_check_waits_for_it_and_runs(factory):
    async with keeping(factory, driver_check_timeout_s=5) as keeper:
        factory.made[0].answers.clear()
        await eventually(lambda: factory.made[0].checks)
        job = asyncio.create_task(work(keeper))
        await asyncio.sleep(0.1)
        assert not job.done()
        factory.made[0].answers.set()
        await asyncio.wait_for(job, 1)
        assert factory.made[0].wear.jobs == 1


async def test_a_job_that_comes_during_a_check_that_fails_gets_the_next_driver(factory):
    async with keeping(factory) as keeper:
        factory.made[0].answers.clear()
        await eventually(lambda: factory.made[0].checks)
        await asyncio.wait_for(work(keeper), 3)
        assert [each.wear.jobs for each in factory.made] == [0, 1]


async def test_a_busy_driver_is_not_looked_at(factory):
    async with keeping(factory) as keeper, keeper.lent() as process:
        checks = process.checks
        await asyncio.sleep(0.2)
        assert process.checks == checks


async def test_after_its_last_job_a_driver_serves_on_until_its_successor_is_warm(factory):
    async with keeping(factory, driver_max_jobs=2) as keeper:
        await work(keeper)
        factory.may_start.clear()
        await work(keeper)
        await eventually(lambda: len(factory.made) == 2)
        await work(keeper)
        assert [each.wear.jobs for each in factory.made] == [3, 0]
        factory.may_start.set()
        await eventually(lambda: keeper.process is factory.made[1])
        assert factory.made[0].killed


async def test_a_successor_takes_over_between_two_jobs(factory):
    async with keeping(factory, driver_max_jobs=1) as keeper:
        await work(keeper)
        async with keeper.lent() as process:
            await eventually(lambda: len(factory.made) == 2 and factory.made[1].ready)
            await asyncio.sleep(0.1)
            assert keeper.process is process
            assert not process.killed
        await eventually(lambda: keeper.process is factory.made[1])


async def test_without_room_for_a_successor_the_driver_goes_first(factory):
    async with keeping(factory, available=99, driver_max_jobs=1) as keeper:
        await work(keeper)
        await eventually(lambda: len(factory.made) == 2 and keeper.process is factory.made[1])
        assert factory.beside == [0, 0]


async def test_a_driver_whose_successor_finds_no_cores_beside_it_goes_first(factory):
    async with keeping(factory, driver_max_jobs=1) as keeper:
        factory.refusals = 1
        await work(keeper)
        await eventually(lambda: len(factory.made) == 3 and keeper.process is factory.made[2])
        assert factory.beside == [0, 1, 0]


@pytest.mark.parametrize(
    ("reason", "settings"), [("age", {"driver_max_age_s": 0.2}), ("memory", {"driver_max_memory_bytes": 1000})]
)
async def test_a_driver_past_its_limit_is_replaced(factory, reason, settings):
    before = replaced(reason)
    async with keeping(factory, **settings) as keeper:
        factory.made[0].bytes = 1000
        await eventually(lambda: keeper.process is not factory.made[0])
        assert factory.made[0].killed
    assert replaced(reason) >= before + 1


async def test_limits_and_checks_of_none_leave_a_driver_alone(factory):
    async with keeping(
        factory, driver_check_s=0, driver_max_jobs=0, driver_max_age_s=0, driver_max_memory_bytes=0
    ) as keeper:
        for _ in range(20):
            await work(keeper)
        assert (len(factory.made), factory.made[0].checks) == (1, 0)


async def test_a_job_waits_for_the_driver_that_follows_a_dead_one(factory):
    died = replaced("died")
    async with keeping(factory) as keeper:
        await factory.made[0].kill()
        await asyncio.wait_for(work(keeper), 3)
        assert factory.made[1].wear.jobs == 1
    assert replaced("died") == died + 1


async def test_a_driver_that_dies_while_its_successor_starts_is_followed_by_that(factory):
    async with keeping(factory, driver_max_jobs=1) as keeper:
        factory.may_start.clear()
        await work(keeper)
        await eventually(lambda: len(factory.made) == 2)
        await factory.made[0].kill()
        job = asyncio.create_task(work(keeper))
        await asyncio.sleep(0.05)
        factory.may_start.set()
        await asyncio.wait_for(job, 3)
        assert factory.made[1].wear.jobs == 1


async def test_drivers_of_one_process_warm_their_successors_one_after_another():
    room, factories = Room(0), (Factory(), Factory())
    settings = ScoringSettings(driver_check_s=0, driver_max_jobs=1)
    keepers = [Keeper(settings, room, each) for each in factories]
    for keeper, each in zip(keepers, factories, strict=True):
        await keeper.start()
        each.may_start.clear()
        await work(keeper)
    await eventually(lambda: sum(len(each.made) for each in factories) == 3)
    await asyncio.sleep(0.1)
    assert sum(len(each.made) for each in factories) == 3
    for each in factories:
        each.may_start.set()
    await eventually(lambda: all(k.process is f.made[1] for k, f in zip(keepers, factories, strict=True)))
    for keeper in keepers:
        await keeper.stop()


async def test_what_nobody_foresaw_is_told_and_leaves_no_driver_behind(factory):
    async with keeping(factory) as keeper:
        kept = asyncio.create_task(keeper.kept())
        await asyncio.sleep(0.1)
        assert not kept.done()
        factory.made[0].wear = None
        with pytest.raises(AttributeError):
            await asyncio.wait_for(kept, 5)
