"""Requests in; use cases do the rest."""

from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from schemas.deployments import DeploymentChangeRequested, DeploymentRequested
from services.deployer.usecases.activate_deployment import ActivateDeployment
from services.deployer.usecases.change_deployment import ChangeDeployment


@dataclass(frozen=True, kw_only=True)
class DeploymentHandlers:
    """`ml.deployment.requests`."""

    activate_deployment: ActivateDeployment
    change_deployment: ChangeDeployment

    async def on_deployment(self, event: DeploymentRequested, delivery: Delivery) -> None:
        await self.activate_deployment(event, delivery)

    async def on_change(self, event: DeploymentChangeRequested, delivery: Delivery) -> None:
        await self.change_deployment(event, delivery)
