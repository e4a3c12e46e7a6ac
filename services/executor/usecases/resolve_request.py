"""A request is resolved: which revision, version, parameters and input, once for all attempts.

Nothing is looked at but what is known already: the input itself is listed by whoever claims the execution.
"""

from collections.abc import Collection
from dataclasses import dataclass

from chassis.bus.delivery import Actor, Delivery
from chassis.bus.envelope import rfc3339
from schemas.deployments import DeploymentActivated
from schemas.executions import ExecutionRequested
from schemas.known_datasets import narrowest, places, read_dataset
from schemas.models import ModelRegistered
from schemas.signature import Signature
from schemas.values import InputRef
from services.executor.domain.errors import SignatureMissing
from services.executor.domain.resolution import (
    check_trigger,
    dated_input,
    meant_version,
    merged_params,
    runnable_deployment,
    runnable_version,
)
from services.executor.domain.terms import Resolved, Terms
from services.executor.ports import Facts, FactsByField, KnownModels
from services.executor.replicas import read_deployment
from services.executor.work import Work


@dataclass(frozen=True)
class Resolution:
    """What a request comes to."""

    resolved: Resolved
    terms: Terms
    work: Work


@dataclass(frozen=True, kw_only=True)
class ResolveRequest:
    """Decides on replicas that have seen all that was known when the request came in."""

    deployments: Facts
    models: KnownModels
    datasets: FactsByField
    formats: Collection[str]

    async def __call__(self, request: ExecutionRequested, delivery: Delivery) -> Resolution:
        """Raises: RuleBroken, InputUnfit, ReplicaBehind."""
        check_trigger(request, is_scheduler=delivery.actor.is_scheduler)
        deployment = runnable_deployment(read_deployment(await self.deployments.get(request.deployment_id)), request)
        version = await self._version(deployment)
        return Resolution(
            resolved=_resolved(request, delivery, deployment, version),
            terms=Terms(retries=deployment.retries, timeout_s=deployment.timeout_s),
            work=await self._work(request, delivery.actor, deployment, version),
        )

    async def _version(self, deployment: DeploymentActivated) -> ModelRegistered:
        number = meant_version(await self.models.get(deployment.model_id), deployment)
        version = await self.models.version(deployment.model_id, number)
        return runnable_version(version, number, deployment, self.formats)

    async def _work(
        self, request: ExecutionRequested, actor: Actor, deployment: DeploymentActivated, version: ModelRegistered
    ) -> Work:
        if version.signature is None:
            raise SignatureMissing(version.model_id, version.version)
        params = merged_params(version.signature, deployment.params, request.params)
        input_ = dated_input(request.input or deployment.input, request.logical_date)
        if request.input is not None:
            await self._ensure_fits(input_, version.signature, deployment.keep, actor)
        return Work.of(version, input_, keep=deployment.keep, params=params, resources=deployment.resources)

    async def _ensure_fits(
        self, given: InputRef, signature: Signature, keep: tuple[str, ...] | None, actor: Actor
    ) -> None:
        """What the deployer has seen to for the deployment's own input."""
        holding = [read_dataset(each) for each in await self.datasets.find("uri", places(given.uri))]
        narrowest(holding, given.uri, markets=actor.markets).ensure_fits(given, signature, keep)


def _resolved(
    request: ExecutionRequested, delivery: Delivery, deployment: DeploymentActivated, version: ModelRegistered
) -> Resolved:
    return Resolved(
        execution_id=request.execution_id,
        deployment_id=deployment.deployment_id,
        deployment_revision=deployment.revision,
        model_id=version.model_id,
        model_version=version.version,
        market=deployment.market,
        brand=deployment.brand,
        trigger=request.trigger,
        requested_by=delivery.actor.subject,
        requested_at=rfc3339(delivery.timestamp),
        logical_date=rfc3339(request.logical_date) if request.logical_date else None,
        request_id=delivery.request_id,
    )
