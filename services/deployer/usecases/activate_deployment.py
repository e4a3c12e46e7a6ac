"""A deployment is made, or gets its next revision."""

from dataclasses import dataclass

from chassis.bus.delivery import Actor, Delivery
from chassis.clock import Clock
from chassis.crash_points import CrashPoint, crash_points
from chassis.errors import Refusal
from schemas.deployments import DeploymentRequested
from schemas.known_datasets import narrowest
from schemas.signature import Signature
from services.deployer.dependencies import Dependencies
from services.deployer.domain import params
from services.deployer.domain.deployment import Deployment
from services.deployer.domain.model import KnownModel
from services.deployer.ports import CheckSchedule, Deployments, KnownDatasets, KnownModels
from services.deployer.refusals import refusing
from services.deployer.usecases.asking import asked


@dataclass(frozen=True, kw_only=True)
class ActivateDeployment:
    """Checks what the request refers to, then its edges, then lets the deployment decide."""

    deployments: Deployments
    models: KnownModels
    datasets: KnownDatasets
    dependencies: Dependencies
    check_schedule: CheckSchedule
    clock: Clock

    async def __call__(self, request: DeploymentRequested, delivery: Delivery) -> None:
        if not await self.deployments.has_handled(request.deployment_id, delivery.request_key):
            with refusing():
                await self._check(request, delivery.actor)
            await self._decide(request, delivery)
        await self.dependencies.settle(request.deployment_id, delivery.request_key)

    async def _check(self, request: DeploymentRequested, actor: Actor) -> None:
        Deployment.ensure_open(await self.deployments.load(request.deployment_id), request)
        signature = await self._signature(request)
        params.ensure_valid(request.params, signature)
        holding = await self.datasets.holding(request.input.uri)
        dataset = narrowest(holding, request.input.uri, markets=actor.markets)
        dataset.ensure_fits(request.input, signature, request.keep)
        if request.schedule is not None:
            self.check_schedule(request.schedule)
        await self.dependencies.ensure_known(request.after)

    async def _signature(self, request: DeploymentRequested) -> Signature:
        model = KnownModel.existing(await self.models.get(request.model_id), request.model_id)
        model.ensure_covers(request.market, request.brand)
        number = model.chosen(version=request.version, alias=request.alias, market=request.market, brand=request.brand)
        version = await self.models.version(request.model_id, number)
        if version is None:
            raise model.unknown_version(number)
        return version.runnable()

    async def _decide(self, request: DeploymentRequested, delivery: Delivery) -> None:
        who = asked(delivery, self.clock)

        def decide(known: Deployment | None) -> Deployment:
            return Deployment.revised(known, request, who)

        with refusing():
            if request.after:
                await self.dependencies.reserve(request.deployment_id, request.after, delivery.request_key)
                crash_points.passing(CrashPoint.RESERVED)
        try:
            with refusing():
                await self.deployments.answer(request.deployment_id, decide, delivery, makes=True)
        except Refusal:
            await self.dependencies.release(delivery.request_key)
            raise
