"""The deployer's parts, joined."""

from chassis.service import Service
from schemas.deployments import DeploymentChangeRequested, DeploymentRequested
from schemas.known_datasets import fold_dataset
from schemas.topics import DATASET_EVENTS, DEPLOYMENT_REQUESTS, MODEL_EVENTS
from services.deployer import schedules
from services.deployer.dependencies import Dependencies
from services.deployer.domain.deployment import Deployment
from services.deployer.handlers import DeploymentHandlers
from services.deployer.known import VERSIONS, Datasets, Models, fold_model
from services.deployer.settings import Settings
from services.deployer.store import StoredGraph
from services.deployer.unfit import StoredSources, UnfitWatch
from services.deployer.usecases.activate_deployment import ActivateDeployment
from services.deployer.usecases.change_deployment import ChangeDeployment


def build(settings: Settings) -> Service:
    """Make the deployer; nothing is connected before it runs."""
    service = Service("deployer", settings)
    deployments = service.aggregates("deployments", Deployment)
    dependencies = Dependencies(
        graphs=StoredGraph(service.database["dependencies"]),
        deployments=deployments,
        has_refused=service.refusals.has_refused,
        clock=service.clock,
        patience_s=settings.undecided_s,
    )
    handlers = DeploymentHandlers(
        activate_deployment=ActivateDeployment(
            deployments=deployments,
            models=Models(service.follow("known_models", topic=MODEL_EVENTS, fold=fold_model, parts=VERSIONS)),
            datasets=Datasets(service.follow("known_datasets", topic=DATASET_EVENTS, fold=fold_dataset)),
            dependencies=dependencies,
            check_schedule=schedules.ensure_valid,
            clock=service.clock,
        ),
        change_deployment=ChangeDeployment(deployments=deployments, dependencies=dependencies, clock=service.clock),
    )
    sources = StoredSources(service.database[VERSIONS.name], service.database["known_models"], deployments)
    service.prepare_with(sources.prepare)
    service.work_on(UnfitWatch(sources).run)
    service.take_requests(
        DEPLOYMENT_REQUESTS,
        {DeploymentRequested: handlers.on_deployment, DeploymentChangeRequested: handlers.on_change},
        answered=deployments.has_handled,
    )
    return service
