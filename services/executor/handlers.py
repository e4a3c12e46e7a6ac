"""Requests in; use cases do the rest."""

from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from schemas.executions import ExecutionCancellationRequested, ExecutionRequested
from services.executor.usecases.cancel_execution import CancelExecution
from services.executor.usecases.queue_execution import QueueExecution


@dataclass(frozen=True, kw_only=True)
class ExecutionHandlers:
    """`ml.execution.requests`."""

    queue_execution: QueueExecution
    cancel_execution: CancelExecution

    async def on_request(self, event: ExecutionRequested, delivery: Delivery) -> None:
        await self.queue_execution(event, delivery)

    async def on_cancellation(self, event: ExecutionCancellationRequested, delivery: Delivery) -> None:
        await self.cancel_execution(event, delivery)
