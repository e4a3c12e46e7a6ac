"""Claimers on the real store that race for executions of which only so many may run at once."""

import asyncio
from uuid import uuid4

import pytest

from chassis.bus.outgoing import EventFactory
from chassis.clock import SystemClock, new_id
from chassis.documents.aggregates import Aggregates
from chassis.documents.client import connect
from chassis.documents.handled import Handled
from services.executor.admission import Admission
from services.executor.domain.ending import Failed
from services.executor.domain.execution import Execution
from services.executor.domain.limits import Limits
from services.executor.domain.terms import Tenure
from services.executor.moments import cause_of, now
from services.executor.store import Executions
from services.executor.usecases.claim_execution import ClaimExecution
from tests.unit.executor.fakes import HeldClock
from tests.unit.executor.requests import queued

CLOCK = SystemClock()
LEASE_S = 5.0


class Queue:
    """The executions of a test, and claimers of them."""

    def __init__(self, database):
        events = EventFactory(source="/services/executor", clock=CLOCK, new_id=new_id)
        handled = Handled(database["handled"], CLOCK)
        self.executions = Aggregates(
            database["executions"], Execution, events=events, wake=lambda *_: None, handled=handled
        )
        self.overview = Executions(self.executions.collection)
        self.places = database["limits"]

    async def put(self, **said):
        execution = queued(execution_id=str(uuid4()), **said)
        await self.executions.change(execution.execution_id, lambda _: execution, cause_of(execution.origin))
        return execution

    def door(self, limits, clock=CLOCK):
        return Admission(self.places, self.overview, limits, clock=clock, lease_s=LEASE_S)

    def claimer(self, owner, limits):
        return ClaimExecution(
            executions=self.executions,
            overview=self.overview,
            door=self.door(limits),
            clock=CLOCK,
            owner=owner,
            lease_s=LEASE_S,
        )

    async def end(self, claimed):
        def decide(execution):
            failed = Failed(code="input-empty", message="no rows", retryable=False)
            execution.finish(Tenure(claimed.owner, claimed.attempt), failed, now(CLOCK))
            return execution

        await self.executions.change(claimed.execution_id, decide, cause_of(claimed.origin))


@pytest.fixture
async def queue(mongo, new_name):
    async with connect(mongo) as client:
        yield Queue(client[f"limits-{new_name()}"])


async def test_racing_claimers_never_exceed_a_limit_and_all_is_done(queue):
    limits = Limits(per_deployment=2, per_market={"FR": 3})
    for number in range(18):
        await queue.put(deployment_id=f"d-{number % 3}", market="FR" if number % 3 else "DE")
    done, most = [], []

    async def work(owner):
        claim = queue.claimer(owner, limits)
        while len(done) < 18:
            if (claimed := await claim()) is None:
                await asyncio.sleep(0.01)
                continue
            most.append([(each.deployment_id, each.market) for each in await queue.overview.running()])
            await asyncio.sleep(0.3)
            await queue.end(claimed)
            done.append(claimed.execution_id)

    async with asyncio.timeout(60), asyncio.TaskGroup() as tasks:
        for number in range(8):
            tasks.create_task(work(f"claimer-{number}"))

    assert len(set(done)) == 18
    for running in most:
        deployments = [deployment for deployment, _ in running]
        assert all(deployments.count(each) <= 2 for each in deployments)
        assert [market for _, market in running].count("FR") <= 3
    assert max(len(running) for running in most) > 2


async def test_what_is_held_back_is_in_nobody_elses_way(queue):
    limits = Limits(per_market={"DE": 1})
    for _ in range(30):
        await queue.put(deployment_id="d-1", market="DE", trigger="manual")
    later = await queue.put(deployment_id="d-2", market="FR", trigger="backfill")

    first, second = [await queue.claimer(owner, limits)() for owner in "ab"]

    assert first.resolved.market == "DE"
    assert second.execution_id == later.execution_id
    assert await queue.claimer("c", limits)() is None


async def test_a_claimer_that_died_before_it_began_keeps_its_place_for_one_lease(queue):
    limits, clock = Limits(per_deployment=1), HeldClock()
    died, waiting = await queue.put(deployment_id="d-1"), await queue.put(deployment_id="d-1")
    assert await queue.door(limits).admit(died)

    door = queue.door(limits, clock)
    assert not await door.admit(waiting)
    clock.pass_time(LEASE_S + 0.1)

    assert await door.admit(waiting)


async def test_an_execution_does_not_stand_in_its_own_way(queue):
    limits = Limits(per_deployment=1)
    execution = await queue.put(deployment_id="d-1")

    assert await queue.door(limits).admit(execution)
    assert await queue.door(limits).admit(execution)
    assert (await queue.claimer("a", limits)()).execution_id == execution.execution_id


async def test_what_begins_between_two_looks_is_counted(queue):
    limits = Limits(per_deployment=1)
    first = await queue.put(deployment_id="d-1", trigger="manual")
    second = await queue.put(deployment_id="d-1", trigger="backfill")
    assert await queue.door(limits).admit(first)
    overview, claim = queue.overview, queue.claimer("a", Limits())

    class Late:
        """Looks who runs, and only then does the first one begin."""

        async def running(self):
            found = await overview.running()
            await claim()
            return found

        async def standings(self, execution_ids):
            return await overview.standings(execution_ids)

    door = Admission(queue.places, Late(), limits, clock=CLOCK, lease_s=LEASE_S)
    assert not await door.admit(second)
