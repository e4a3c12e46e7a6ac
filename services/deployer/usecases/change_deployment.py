"""A deployment is paused, resumed or retired."""

from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from chassis.clock import Clock
from schemas.deployments import DeploymentChangeRequested
from services.deployer.dependencies import Dependencies
from services.deployer.domain.deployment import Deployment
from services.deployer.ports import Deployments
from services.deployer.refusals import refusing
from services.deployer.usecases.asking import asked


@dataclass(frozen=True, kw_only=True)
class ChangeDeployment:
    """What is retired takes its edges with it."""

    deployments: Deployments
    dependencies: Dependencies
    clock: Clock

    async def __call__(self, request: DeploymentChangeRequested, delivery: Delivery) -> None:
        who = asked(delivery, self.clock)

        def decide(known: Deployment | None) -> Deployment:
            deployment = Deployment.existing(known, request.deployment_id)
            deployment.change(request, who)
            return deployment

        with refusing():
            await self.deployments.answer(request.deployment_id, decide, delivery)
        if request.action == "retire":
            await self.dependencies.settle(request.deployment_id, delivery.request_key)
