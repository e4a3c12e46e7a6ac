"""A slot: one driver, and one execution after another on it."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog
from structlog.contextvars import bound_contextvars

from chassis.bus.perseverance import ProbeAll, through_outages, told_apart
from chassis.errors import PlatformError
from chassis.tasks import TaskGroup, finish
from services.executor.domain.execution import Execution
from services.executor.ports import Driver
from services.executor.scoring.errors import ScoringError
from services.executor.usecases.claim_execution import ClaimExecution
from services.executor.usecases.run_attempt import RunAttempt

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S: Final = 1.0
_START_AGAIN_S: Final = 5.0


class DriverNotReady(PlatformError):
    code = "driver-not-ready"
    retryable = True


@dataclass
class Bell:
    """Rung when this process has queued something, so that a free slot needn't wait for its next look."""

    _rung: asyncio.Event = field(default_factory=asyncio.Event)

    def ring(self) -> None:
        self._rung.set()

    async def wait(self, at_most_s: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(at_most_s):
                await self._rung.wait()
        self._rung.clear()


@dataclass(frozen=True, kw_only=True)
class Slot:
    """Claims only while its driver is ready: an execution waits better in the queue than under a lease."""

    driver: Driver
    claim: ClaimExecution
    run_attempt: RunAttempt
    bell: Bell
    probe: ProbeAll

    async def run(self) -> None:
        """Work until cancelled; then give back what is unfinished and end the driver.

        Raises:
            Exception: what nobody foresaw while the driver was kept warm: there would never be another one.
        """
        try:
            async with TaskGroup() as tasks:
                tasks.create_task(self._keep_driver())
                tasks.create_task(self._work())
        except BaseExceptionGroup as raised:
            # An outage is known by its type.
            raise raised.exceptions[0] from raised
        finally:
            await finish(self.driver.stop())

    async def check(self) -> None:
        """A readiness check. Raises: DriverNotReady."""
        if not self.driver.ready:
            raise DriverNotReady("the Spark driver is starting")

    async def _keep_driver(self) -> None:
        await self._start()
        await self.driver.kept()

    async def _start(self) -> None:
        while True:
            try:
                await self.driver.start()
            except ScoringError as error:
                log.error("driver_not_started", code=error.code, reason=error.message, **error.details)  # noqa: TRY400
                await asyncio.sleep(_START_AGAIN_S)
            else:
                return

    async def _work(self) -> None:
        while True:
            await self._work_once()

    async def _work_once(self) -> None:
        claimed = await (self._claimed() if self.driver.ready else self._watched())
        if claimed is None:
            await self.bell.wait(_LOOK_AGAIN_S)
            return
        with bound_contextvars(
            execution_id=claimed.execution_id,
            attempt=claimed.attempt,
            correlation_id=claimed.origin.correlation_id,
        ):
            log.info("attempt_started", deployment_id=claimed.resolved.deployment_id)
            await self.run_attempt(claimed)

    async def _watched(self) -> None:
        """While a driver starts, so that a lease that is lost meanwhile can be taken over at once."""
        await through_outages(lambda: told_apart(self.claim.watch, self.probe), bound_s=None)

    async def _claimed(self) -> Execution | None:
        return await through_outages(lambda: told_apart(self.claim, self.probe), bound_s=None)
