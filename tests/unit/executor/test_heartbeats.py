"""A lease is renewed while the service's loop moves, and no longer."""

import asyncio
import time
from contextlib import asynccontextmanager

from chassis.clock import SystemClock
from chassis.errors import DocumentsUnavailable
from chassis.tasks import end
from services.executor.domain.terms import Tenure
from services.executor.heartbeats import Heartbeats

LEASE_S = 0.3
TENURE = Tenure("a", 1)


class Beats:
    def __init__(self):
        self.count = 0
        self.answer = True
        self.away = False

    @asynccontextmanager
    async def opened(self):
        async def beat(execution_id, tenure):
            self.count += 1
            if self.away:
                raise DocumentsUnavailable("switched off by the test")
            return self.answer

        yield beat


async def while_held(beats, does):
    heartbeats = Heartbeats(beats.opened, clock=SystemClock(), lease_s=LEASE_S)
    running = asyncio.create_task(heartbeats.run())
    try:
        async with heartbeats.hold("execution", TENURE) as lease:
            return await does(lease)
    finally:
        await end(running)


async def until(holds, seconds=5.0):
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.01)


async def test_a_busy_loop_goes_on_beating_and_a_stuck_one_stops():
    beats = Beats()

    async def blocked(lease):
        await until(lambda: beats.count > 0)
        time.sleep(LEASE_S / 2)  # noqa: ASYNC251 - a loop that doesn't move is the point
        before = beats.count
        time.sleep(LEASE_S * 4)  # noqa: ASYNC251
        return before, beats.count

    before, after = await while_held(beats, blocked)
    assert before >= 1
    assert after - before <= 3


async def test_a_loop_that_stays_stuck_ends_the_process_and_one_that_goes_on_does_not():
    given_up = []
    heartbeats = Heartbeats(Beats().opened, clock=SystemClock(), lease_s=LEASE_S, give_up=lambda: given_up.append(True))
    running = asyncio.create_task(heartbeats.run())
    async with heartbeats.hold("execution", TENURE):
        await asyncio.sleep(LEASE_S)
        for _ in range(3):
            time.sleep(LEASE_S * 3)  # noqa: ASYNC251
            await asyncio.sleep(LEASE_S)
        assert not given_up
        time.sleep(LEASE_S * 7)  # noqa: ASYNC251
        assert given_up == [True]
    await end(running)


async def test_a_lease_that_is_somebody_elses_is_lost_and_an_outage_loses_none():
    beats = Beats()

    async def lost(lease):
        beats.away = True
        await until(lambda: beats.count >= 2)
        assert not lease.lost
        beats.away, beats.answer = False, False
        await until(lambda: lease.lost)

    await while_held(beats, lost)


async def test_what_is_no_longer_held_is_not_renewed():
    beats = Beats()
    heartbeats = Heartbeats(beats.opened, clock=SystemClock(), lease_s=LEASE_S)
    running = asyncio.create_task(heartbeats.run())
    async with heartbeats.hold("execution", TENURE):
        await until(lambda: beats.count > 0)
    await asyncio.sleep(LEASE_S / 3)
    count = beats.count
    await asyncio.sleep(LEASE_S)
    await end(running)
    assert beats.count == count


async def test_a_thread_that_breaks_ends_the_worker():
    @asynccontextmanager
    async def broken():
        raise RuntimeError("a bug")
        yield

    task = asyncio.create_task(Heartbeats(broken, clock=SystemClock(), lease_s=LEASE_S).run())
    await asyncio.wait((task,), timeout=5)
    assert isinstance(task.exception(), RuntimeError)
