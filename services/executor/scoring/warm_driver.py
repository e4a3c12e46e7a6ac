"""A Spark driver that is always warm: used for one job at a time, replaced in the background when it dies."""

import asyncio
import contextlib
from collections.abc import Callable

import structlog

from services.executor.scoring.driver_process import DriverProcess
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import Progress, ScoringJob, ScoringOutcome
from services.executor.scoring.settings import ScoringSettings

log = structlog.get_logger(__name__)

_START_S = 120.0
_GRACE_S = 3.0
_RETRY_S = 2.0


class WarmDriver:
    """The control plane's handle on the scoring engine."""

    def __init__(self, settings: ScoringSettings) -> None:
        self._settings = settings
        self._process: DriverProcess | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._busy = asyncio.Lock()

    @property
    def ready(self) -> bool:
        """A warm driver is there; it may be busy."""
        return self._process is not None and self._process.ready

    @property
    def busy(self) -> bool:
        return self._busy.locked()

    async def start(self) -> None:
        """Returns when a driver is warm, and keeps one warm until `stop`. Raises `ScoringError`."""
        self._process = await self._started()
        self._ready.set()
        self._keeper = asyncio.create_task(self._keep(), name="warm-driver")

    async def run(
        self, job: ScoringJob, *, on_progress: Callable[[Progress], None], lease_s: float | None = None
    ) -> ScoringOutcome:
        """Scores the job; a second one waits for the first.

        Cancelling the task that awaits this stops the compute before the cancellation goes on.

        Args:
            job: the attempt to run.
            on_progress: called on the event loop, at most once a second.
            lease_s: the driver ends itself when `renew` isn't called for that long.

        Raises:
            ScoringError: the job failed; `worker-lost` (retryable) when the driver died.
            ScoringCancelled: `cancel` was called.
        """
        async with self._busy:
            process = await self._warm()
            try:
                return await process.run(job, on_progress=on_progress, lease_s=lease_s)
            except asyncio.CancelledError:
                await asyncio.shield(process.cancel(grace_s=_GRACE_S))
                raise
            except ScoringError as error:
                if error.code == "worker-lost" and not process.ended.is_set():
                    # A JVM that died leaves its Python driver behind.
                    await process.kill()
                raise

    async def cancel(self) -> None:
        """Stops the running job within 5 s, if there is one; its `run` raises `ScoringCancelled`."""
        if self._process is not None and self.busy:
            await self._process.cancel(grace_s=_GRACE_S)

    def renew(self, lease_s: float) -> None:
        """The running job's lease holds for another `lease_s` seconds. Call it on the event loop's thread."""
        if self._process is not None:
            self._process.renew(lease_s)

    async def stop(self) -> None:
        """Ends the driver and all that it started."""
        if self._keeper is not None:
            self._keeper.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._keeper
        if self._process is not None:
            await self._process.kill()

    async def _warm(self) -> DriverProcess:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._ready.wait(), timeout=_START_S)
        if self._process is None or not self._process.ready:
            raise ScoringError("worker-lost", "no Spark driver is ready")
        return self._process

    async def _started(self) -> DriverProcess:
        process = DriverProcess(self._settings)
        await process.start(timeout_s=_START_S)
        return process

    async def _keep(self) -> None:
        while True:
            if self._process is not None:
                await self._process.ended.wait()
                self._ready.clear()
                await self._process.kill()
            try:
                self._process = await self._started()
                self._ready.set()
            except ScoringError as error:
                log.warning("driver_not_replaced", code=error.code, reason=error.message)
                self._process = None
                await asyncio.sleep(_RETRY_S)
