"""Progress goes straight to its topic: at most once a second, and not at all when the bus is slow."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from chassis.bus.delivery import Cause
from chassis.bus.outgoing import EventFactory
from chassis.bus.producer import Publisher
from chassis.clock import Clock
from chassis.errors import PlatformError
from schemas.executions import ExecutionProgressed
from services.executor.domain.execution import Execution
from services.executor.moments import cause_of
from services.executor.scoring.job import Progress

log = structlog.get_logger(__name__)

_EVERY_S: Final = 1.0


class ProgressFeed:
    """Publishes attempts' progress."""

    def __init__(self, publisher: Publisher, events: EventFactory, clock: Clock) -> None:
        self._publisher = publisher
        self._events = events
        self._clock = clock

    def of(self, execution: Execution) -> Callable[[Progress], None]:
        """What an attempt's scoring calls with its progress; on the event loop."""
        cause = cause_of(execution.origin)
        sending: asyncio.Task[None] | None = None
        told_at = float("-inf")

        def tell(progress: Progress) -> None:
            nonlocal sending, told_at
            moment = self._clock.monotonic()
            if moment - told_at < _EVERY_S or (sending is not None and not sending.done()):
                return
            told_at = moment
            event = ExecutionProgressed(
                execution_id=execution.execution_id, attempt=execution.attempt, **progress.model_dump()
            )
            sending = asyncio.create_task(self._send(event, cause))

        return tell

    async def _send(self, event: ExecutionProgressed, cause: Cause) -> None:
        try:
            await self._publisher.publish([self._events.make(event, cause, sequence=None)])
        except PlatformError as error:
            log.debug("progress_lost", code=error.code)
