"""An attempt that has been claimed, on fakes."""

import asyncio

from chassis.errors import ObjectsUnavailable
from schemas.executions import ExecutionFinished
from services.executor.moments import cause_of
from services.executor.usecases.run_attempt import RunAttempt
from services.executor.work import job_of
from tests.unit.executor.fakes import FakeExecutions, FakeFeed, FakeLeases, FakeScoring, FakeWatchdog, HeldClock
from tests.unit.executor.requests import EXECUTION_ID, queued


class Bench:
    """One attempt on fakes that has been claimed by `a`."""

    def __init__(self):
        self.store, self.scoring, self.leases, self.feed = FakeExecutions(), FakeScoring(), FakeLeases(), FakeFeed()
        self.clock, self.watchdog = HeldClock(), FakeWatchdog()
        self.objects_away = False
        self.unfit = None
        self.stored_logs = set()
        self.run = RunAttempt(
            executions=self.store, make_job=self.make_job, glances=self.store,
            scoring=self.scoring, leases=self.leases, feed=self.feed,
            reach_objects=self.reach_objects, find_log=self.find_log,
            clock=self.clock, lease_s=15.0, probe=self.away, watchdog=self.watchdog, look_every_s=0.01,
        )  # fmt: skip

    async def reach_objects(self):
        if self.objects_away:
            raise ObjectsUnavailable("switched off by the test")

    async def make_job(self, execution):
        if self.unfit:
            raise self.unfit
        return job_of(execution)

    async def find_log(self, output_prefix):
        address = f"{output_prefix}log.jsonl"
        return address if address in self.stored_logs else None

    async def away(self):
        return "documents: no room" if self.store.broken else None

    async def begin(self, **said):
        execution = queued(**said)
        execution.start("a", self.clock.now())
        await self.change(lambda _: execution)
        claimed = await self.store.load(EXECUTION_ID)
        task = asyncio.create_task(self.run(claimed))
        if self.unfit is None:
            await self.scoring.started.wait()
        return task

    async def change(self, decide):
        await self.store.change(EXECUTION_ID, decide, None)

    async def act(self, does):
        def decide(execution):
            does(execution)
            return execution

        await self.store.change(EXECUTION_ID, decide, cause_of(queued().origin))

    @property
    def end(self) -> ExecutionFinished:
        (finished,) = self.store.of(ExecutionFinished)
        return finished
