"""Everybody around the executor: who asks, who deploys, and who reads what it says."""

from typing import Any
from uuid import uuid4

from schemas.deployments import DeploymentActivated
from schemas.event import Event
from schemas.executions import ExecutionCancellationRequested, ExecutionRequested
from tests.integration.kafka import KafkaServer
from tests.integration.outsider import PATIENCE_S, Outsider, Said

SAID = (
    "ml.execution.events", "ml.execution.refusals", "ml.execution.progress", "ml.execution.observations",
    "ml.executor.dlq",
)  # fmt: skip


class World(Outsider):
    def __init__(self, kafka: KafkaServer) -> None:
        super().__init__(kafka, *SAID, principals=("upstream", "registry", "deployer"))
        self._numbers: dict[str, int] = {}

    async def tell(self, fact: Event) -> None:
        """A fact of another service's, numbered as that would."""
        principal = "deployer" if isinstance(fact, DeploymentActivated) else "registry"
        number = self._numbers[fact.subject] = self._numbers.get(fact.subject, 0) + 1
        await self.state(principal, fact, sequence=number)

    async def run(self, deployment_id: str, **said: Any) -> str:
        """Ask for an execution; its id."""
        execution_id = str(uuid4())
        await self.ask(_requested(execution_id, deployment_id, **said))
        return execution_id

    async def refused(self, deployment_id: str, **said: Any) -> str:
        """The code with which a request is refused."""
        return (await self.asked(_requested(str(uuid4()), deployment_id, **said))).code

    async def cancel(self, execution_id: str) -> str:
        return await self.ask(ExecutionCancellationRequested(execution_id=execution_id))

    async def ended(self, execution_id: str, *, seconds: float = PATIENCE_S) -> dict[str, Any]:
        ends = await self.hear(
            lambda each: each.name == "ExecutionFinished" and each.data["execution_id"] == execution_id,
            seconds=seconds,
        )
        return ends[0].data

    async def observed(self, execution_id: str, count: int = 1) -> list[Said]:
        """What was observed of an execution, once there is so much of it: it comes behind the end."""
        return await self.hear(
            lambda each: each.topic == "ml.execution.observations" and each.data.get("execution_id") == execution_id,
            count,
        )

    def about(self, execution_id: str, topic: str = "ml.execution.events") -> list[Said]:
        """All that was said so far of an execution."""
        return self.find(lambda each: each.topic == topic and each.data.get("execution_id") == execution_id)

    def names(self, execution_id: str) -> list[str]:
        return [each.name for each in self.about(execution_id)]


def _requested(execution_id: str, deployment_id: str, **said: Any) -> ExecutionRequested:
    fields = {"execution_id": execution_id, "deployment_id": deployment_id, "trigger": "manual", **said}
    return ExecutionRequested.model_validate(fields)
