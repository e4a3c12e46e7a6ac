"""A Spark driver that is always warm: used for one job at a time, watched and replaced in the background."""

import asyncio
import contextlib
from collections.abc import Callable

from chassis.tasks import finish
from services.executor.scoring.driver_process import DriverProcess
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import Progress, ScoringJob, ScoringOutcome
from services.executor.scoring.keeping import Keeper
from services.executor.scoring.recycling import Room
from services.executor.scoring.settings import ScoringSettings

_GRACE_S = 3.0


class WarmDriver:
    """The control plane's handle on the scoring engine. Those of one process share the room for successors."""

    def __init__(self, settings: ScoringSettings, room: Room | None = None) -> None:
        self._keeper = Keeper(settings, room or Room(settings.driver_room_bytes))

    @property
    def ready(self) -> bool:
        """A warm driver is there; it may be busy."""
        return self._process is not None and self._process.ready

    async def start(self) -> None:
        """Returns when a driver is warm, and keeps one warm until `stop`. Raises `ScoringError`."""
        await self._keeper.start()

    async def kept(self) -> None:
        """Raises what ended the keeping, which nobody foresaw; else it doesn't end before `stop`."""
        await self._keeper.kept()

    async def run(
        self,
        job: ScoringJob,
        *,
        on_progress: Callable[[Progress], None],
        on_begun: Callable[[], None] = lambda: None,
        on_answered: Callable[[], None] = lambda: None,
        lease_s: float | None = None,
    ) -> ScoringOutcome:
        """Scores the job; a second one waits for the first.

        Cancelling the task that awaits this stops the compute before the cancellation goes on; an outcome that the
        driver had come to by then is returned instead.

        Args:
            job: the attempt to run.
            on_progress: called on the event loop, at most once a second.
            on_begun: called once, when a driver takes the job.
            on_answered: called once after it, when the driver has answered or died; `run` may not have ended by then.
            lease_s: the driver ends itself when `renew` isn't called for that long.

        Raises:
            ScoringError: the job failed; `worker-lost` (retryable) when the driver died.
            ScoringCancelled: `cancel` was called.
        """
        async with self._keeper.lent() as process:
            on_begun()
            try:
                return await process.run(job, on_progress=on_progress, on_answered=on_answered, lease_s=lease_s)
            except asyncio.CancelledError:
                with contextlib.suppress(asyncio.CancelledError):  # It goes on below.
                    await finish(process.cancel(grace_s=_GRACE_S))
                if process.outcome is not None:
                    return process.outcome
                raise
            except ScoringError as error:
                if error.code == "worker-lost" and not process.ended.is_set():
                    # A JVM that died leaves its Python driver behind.
                    await process.kill()
                raise

    async def cancel(self) -> None:
        """Stops the running job within 5 s, if there is one; its `run` raises `ScoringCancelled`."""
        if self._process is not None:
            await self._process.cancel(grace_s=_GRACE_S)

    def renew(self, lease_s: float) -> None:
        """The running job's lease holds for another `lease_s` seconds. Call it on the event loop's thread."""
        if self._process is not None:
            self._process.renew(lease_s)

    async def stop(self) -> None:
        """Ends the driver and all that it started."""
        await self._keeper.stop()

    @property
    def _process(self) -> DriverProcess | None:
        return self._keeper.process
