"""Keeps one driver warm: looks at it while it is idle, and has another ready in time."""

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from typing import Final

import structlog

from chassis.tasks import end
from services.executor.scoring.driver_process import DriverProcess
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.recycling import Reason, Room
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.telemetry import DRIVERS_REPLACED

log = structlog.get_logger(__name__)

START_S: Final = 120.0
_RETRY_S: Final = 2.0
_LOOK_S: Final = 60.0


class Keeper:
    """One driver after another.

    `_using` is held by whatever uses the present one, a job, a check, a change of drivers; never while one is awaited.
    """

    def __init__(
        self, settings: ScoringSettings, room: Room, make: Callable[[ScoringSettings], DriverProcess] = DriverProcess
    ) -> None:
        self._settings, self._room, self._make = settings, room, make
        self.process: DriverProcess | None = None
        self._using = asyncio.Lock()
        self._successor: DriverProcess | None = None
        self._there = asyncio.Event()
        self._used = asyncio.Event()
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Returns when a driver is warm; keeps one warm until `stop`. Raises `ScoringError`."""
        self._put(await self._started())
        self._keeping = asyncio.create_task(self._keep(), name="warm-driver")

    async def kept(self) -> None:
        """Ends with the keeping, and as that does."""
        if self._keeping is not None:
            await asyncio.shield(self._keeping)

    async def stop(self) -> None:
        if self._keeping is not None:
            await end(self._keeping)
        for process in (self.process, self._successor):
            if process is not None:
                await process.kill()

    @asynccontextmanager
    async def lent(self) -> AsyncGenerator[DriverProcess]:
        """The driver, for one job; one that has just died is waited for.

        Raises:
            ScoringError: `worker-lost`, when there is none for too long.
        """
        deadline = time.monotonic() + START_S
        while True:
            await self._appears(deadline)
            async with self._using:
                if self.process is None or not self.process.ready:
                    continue
                try:
                    yield self.process
                finally:
                    self._used.set()
                return

    async def _appears(self, deadline: float) -> None:
        """Returns when there is a driver, without keeping anybody from putting one there."""
        try:
            async with asyncio.timeout(deadline - time.monotonic()):
                while self.process is None or not self.process.ready:
                    self._there.clear()
                    await self._there.wait()
        except TimeoutError as error:
            raise ScoringError("worker-lost", "no Spark driver is ready") from error

    async def _keep(self) -> None:
        while True:
            reason = Reason.DIED if self.process is None else await self._end_of(self.process)
            log.info("driver_replaced", reason=reason)
            DRIVERS_REPLACED.labels(reason).inc()
            if reason in {Reason.DIED, Reason.SILENT} or not await self._succeed():
                await self._begin_anew()

    async def _end_of(self, process: DriverProcess) -> Reason:
        """Why the driver has to go, once it has to."""
        every_s = self._settings.driver_check_s or _LOOK_S
        look_at = time.monotonic() + every_s
        while True:
            await self._something(process, within_s=max(0.0, look_at - time.monotonic()))
            if process.ended.is_set():
                return Reason.DIED
            if time.monotonic() >= look_at:
                if reason := await self._looked_at(process):
                    return reason
                look_at = time.monotonic() + every_s
            if reason := process.wear.past(self._settings):
                return reason

    async def _something(self, process: DriverProcess, *, within_s: float) -> None:
        """Returns when the driver has ended or a job on it has, or after that time."""
        waits = [asyncio.create_task(event.wait()) for event in (process.ended, self._used)]
        try:
            await asyncio.wait(waits, timeout=within_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self._used.clear()  # Before anything is awaited: what is used from now on is for the next time.
            await end(*waits)

    async def _looked_at(self, process: DriverProcess) -> Reason | None:
        """Between two jobs. One that comes meanwhile waits, and never gets a driver that has failed here."""
        async with self._using:
            if self._settings.driver_check_s and not await process.check(
                timeout_s=self._settings.driver_check_timeout_s
            ):
                reason = Reason.DIED if process.ended.is_set() else Reason.SILENT
                await process.kill()
                return reason
        process.wear.memory_bytes = await process.memory()
        return None

    async def _succeed(self) -> bool:
        """Warm a successor beside the driver and let it take over between two jobs; False where that can't be done."""
        async with self._room.taken() as there_is_room:
            if there_is_room:
                with contextlib.suppress(ScoringError):  # It may find no cores, or no memory after all.
                    self._successor = await self._started()
        if self._successor is None:
            return False
        async with self._using:
            old = self.process
            self._put(self._successor)
            self._successor = None
        if old is not None:
            await old.kill()
        return True

    async def _begin_anew(self) -> None:
        """Without a driver until the next one is warm; jobs wait for it."""
        async with self._using:
            if self.process is not None:
                await self.process.kill()
            self.process = None
        while self.process is None:
            try:
                self._put(await self._started())
            except ScoringError as error:
                log.warning("driver_not_replaced", code=error.code, reason=error.message, **error.details)
                await asyncio.sleep(_RETRY_S)

    def _put(self, process: DriverProcess) -> None:
        self.process = process
        self._there.set()

    async def _started(self) -> DriverProcess:
        process = self._make(self._settings)
        await process.start(timeout_s=START_S)
        return process
