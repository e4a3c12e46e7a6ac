"""An execution is to be stopped."""

from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from chassis.clock import Clock
from schemas.executions import ExecutionCancellationRequested
from services.executor.domain.execution import Execution
from services.executor.moments import now
from services.executor.ports import Repository
from services.executor.refusals import refusing


@dataclass(frozen=True, kw_only=True)
class CancelExecution:
    """Records the wish; a running attempt's owner sees it within a second."""

    executions: Repository
    clock: Clock

    async def __call__(self, request: ExecutionCancellationRequested, delivery: Delivery) -> None:
        def decide(execution: Execution | None) -> Execution:
            execution = Execution.existing(execution, request.execution_id)
            execution.cancel(
                requested_by=delivery.actor.subject,
                reason=request.reason,
                request_id=delivery.request_id,
                at=now(self.clock),
            )
            return execution

        with refusing():
            await self.executions.answer(request.execution_id, decide, delivery)
