"""An execution is accepted, or known already."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from chassis.clock import Clock
from schemas.executions import ExecutionRequested
from services.executor.domain.execution import Execution
from services.executor.moments import now, origin_of
from services.executor.ports import Repository
from services.executor.refusals import refusing
from services.executor.usecases.resolve_request import ResolveRequest


@dataclass(frozen=True, kw_only=True)
class QueueExecution:
    """Resolves what is new; what is known isn't resolved again, since the world may have moved on."""

    executions: Repository
    resolve: ResolveRequest
    clock: Clock
    wake: Callable[[], None]

    async def __call__(self, request: ExecutionRequested, delivery: Delivery) -> None:
        if await self.executions.has_handled(request.execution_id, delivery.request_key):
            return
        content = _content(request)
        with refusing():
            known = await self.executions.load(request.execution_id)
            new = await self._new(request, delivery, content) if known is None else None

            def decide(execution: Execution | None) -> Execution | None:
                if execution is None:
                    return new
                execution.match(content, delivery.request_id)
                return execution

            await self.executions.answer(request.execution_id, decide, delivery, makes=known is None)
        self.wake()

    async def _new(self, request: ExecutionRequested, delivery: Delivery, content: str) -> Execution:
        resolution = await self.resolve(request, delivery)
        return Execution.queued(
            resolution.resolved,
            content=content,
            work=resolution.work.model_dump_json(),
            terms=resolution.terms,
            origin=origin_of(delivery),
            at=now(self.clock),
        )


def _content(request: ExecutionRequested) -> str:
    """What was asked for, the same text for the same content."""
    return json.dumps(request.model_dump(mode="json", exclude_none=True), sort_keys=True)
