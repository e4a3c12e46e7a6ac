"""Renews the leases that this process holds, on a thread, an event loop and a connection of its own.

A busy event loop must not look dead: long garbage collections and synchronous calls happen. A stuck one must not look
alive: then nobody watches the attempt. So the thread renews a lease only while the service's loop has moved within the
last lease; and a driver that isn't renewed for that long ends itself. A loop that stays stuck ends the process.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from typing import Final

import structlog

from chassis.clock import Clock
from chassis.documents.client import connect
from chassis.errors import Outage
from chassis.last_resort import end_process
from chassis.settings import MongoSettings
from chassis.tasks import end
from services.executor.domain.terms import Tenure
from services.executor.store import beat

log = structlog.get_logger(__name__)

Beat = Callable[[str, Tenure], Awaitable[bool]]
"""False when the execution isn't this tenure's any more; raises `Outage`."""

_BEATS_PER_LEASE: Final = 3
_TICKS_PER_LEASE: Final = 15
# Counted in looks: a process that was stopped and goes on is no stuck one.
_STUCK_LOOKS: Final = 4 * _BEATS_PER_LEASE


class HeldLease:
    """One lease. The thread writes `lost`, the service's loop ticks."""

    def __init__(self, execution_id: str, tenure: Tenure, clock: Clock) -> None:
        self.execution_id = execution_id
        self.tenure = tenure
        self.lost = False
        self._clock = clock
        self._ticked_at = clock.monotonic()

    def tick(self) -> None:
        self._ticked_at = self._clock.monotonic()

    def silence_s(self) -> float:
        """How long the service's loop hasn't moved."""
        return self._clock.monotonic() - self._ticked_at


class Heartbeats:
    """All leases of this process. `opened` makes the connection, on the thread that uses it."""

    def __init__(
        self,
        opened: Callable[[], AbstractAsyncContextManager[Beat]],
        *,
        clock: Clock,
        lease_s: float,
        give_up: Callable[[], None] = end_process,
    ) -> None:
        self._opened = opened
        self._clock = clock
        self._lease_s = lease_s
        self._held: set[HeldLease] = set()
        self._give_up = give_up
        self._stuck_looks = 0

    async def run(self) -> None:
        """Beat until cancelled; ends with an error if the thread does."""
        loop, stopping = asyncio.new_event_loop(), asyncio.Event()
        thread = asyncio.create_task(asyncio.to_thread(self._beat_on, loop, stopping))
        try:
            await asyncio.shield(thread)
        finally:
            with suppress(RuntimeError):  # The loop is closed: the thread has ended by itself.
                loop.call_soon_threadsafe(stopping.set)

    @asynccontextmanager
    async def hold(self, execution_id: str, tenure: Tenure) -> AsyncGenerator[HeldLease]:
        """Keep a lease that has just been claimed."""
        lease = HeldLease(execution_id, tenure, self._clock)
        ticking = asyncio.create_task(self._tick(lease))
        self._held.add(lease)
        try:
            yield lease
        finally:
            self._held.discard(lease)
            await end(ticking)

    async def _tick(self, lease: HeldLease) -> None:
        while True:
            lease.tick()
            await asyncio.sleep(self._lease_s / _TICKS_PER_LEASE)

    def _beat_on(self, loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
        try:
            loop.run_until_complete(self._beat_until(stopping))
        finally:
            loop.close()

    async def _beat_until(self, stopping: asyncio.Event) -> None:
        async with self._opened() as beat_once:
            while not stopping.is_set():
                held = tuple(self._held)
                self._look_for_a_stuck_loop(held)
                await asyncio.gather(*(self._renew(lease, beat_once) for lease in held))
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._lease_s / _BEATS_PER_LEASE):
                        await stopping.wait()

    def _look_for_a_stuck_loop(self, held: Sequence[HeldLease]) -> None:
        is_stuck = any(lease.silence_s() >= self._lease_s for lease in held)
        self._stuck_looks = self._stuck_looks + 1 if is_stuck else 0
        if self._stuck_looks == _STUCK_LOOKS:
            log.error("loop_given_up", looks=self._stuck_looks)
            self._give_up()

    async def _renew(self, lease: HeldLease, beat_once: Beat) -> None:
        if lease.silence_s() >= self._lease_s:
            log.error("loop_stuck", silence_s=round(lease.silence_s(), 1))
            return
        with suppress(Outage):  # Claimers can't look either, and watch anew when they can.
            if not await beat_once(lease.execution_id, lease.tenure):
                lease.lost = True


@asynccontextmanager
async def beating(settings: MongoSettings, database: str, collection: str) -> AsyncGenerator[Beat]:
    """A connection for heartbeats alone."""
    client = connect(settings)
    try:
        executions = client[database][collection]

        async def beat_once(execution_id: str, tenure: Tenure) -> bool:
            return await beat(executions, execution_id, tenure)

        yield beat_once
    finally:
        await client.close()
