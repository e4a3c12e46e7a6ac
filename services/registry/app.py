"""The registry's parts, joined."""

from functools import partial

from chassis.clock import new_id
from chassis.documents.aggregates import Aggregates
from chassis.garbage.collector import Collector
from chassis.garbage.turn import COLLECTION, Turns
from chassis.sandbox.telling import tell_what_holds
from chassis.service import Service
from schemas.datasets import DatasetRegistrationRequested, DatasetRetirementRequested
from schemas.models import (
    ModelArchivalRequested,
    ModelRegistrationRequested,
    ModelUpdateRequested,
    VersionPromotionRequested,
)
from schemas.topics import DATASET_REQUESTS, MODEL_REQUESTS
from services.registry.artifacts import Artifacts, Limits
from services.registry.domain.dataset import Dataset
from services.registry.domain.model import Model
from services.registry.due import Due
from services.registry.garbage.kinds import kinds
from services.registry.garbage.relied import ReliedOn
from services.registry.handlers import DatasetHandlers, ModelHandlers
from services.registry.inspection import Inspections
from services.registry.intake import Intake
from services.registry.kept_artifacts import KeptArtifacts
from services.registry.migration import Migration
from services.registry.reinspection import Pace, Reinspection, Task
from services.registry.settings import Settings
from services.registry.slots import Slots
from services.registry.store import Versions
from services.registry.tabular.content import Contents
from services.registry.tabular.description import sandboxed
from services.registry.usecases.archive_model import ArchiveModel
from services.registry.usecases.inspect_version import InspectVersion
from services.registry.usecases.promote_version import PromoteVersion
from services.registry.usecases.register_dataset import RegisterDataset
from services.registry.usecases.register_version import RegisterVersion
from services.registry.usecases.retire_dataset import RetireDataset
from services.registry.usecases.update_model import UpdateModel
from services.registry.waiting import Registrations
from services.registry.worker import Desk, Worker


def build(settings: Settings) -> Service:
    """Make the registry; nothing is connected before it runs."""
    service = Service("registry", settings)
    service.prepare_with(tell_what_holds)
    versions = Versions(service.database["model_versions"])
    registrations = Registrations(service.database["registrations"], service.database["queues"])
    models = service.aggregates("models", Model, before_publish=versions.keep)
    datasets = service.aggregates("datasets", Dataset)
    limits = Limits(settings.max_artifact_bytes, settings.max_artifact_objects)
    inspections = Inspections(settings.sandbox, settings.inspection_s)
    artifacts = Artifacts(service.objects, limits, inspections, settings.work_dir)
    turns = Turns(service.database[COLLECTION], clock=service.clock, owner=new_id())
    contents = Contents(service.objects, settings.max_dataset_objects, sandboxed(settings.sandbox))

    model_handlers = ModelHandlers(
        intake=Intake(registrations, models.has_handled),
        register_version=RegisterVersion(
            models, versions, artifacts.take, ReliedOn(registrations, turns), service.clock
        ),
        promote_version=PromoteVersion(models, versions, service.clock),
        update_model=UpdateModel(models, service.clock),
        archive_model=ArchiveModel(models, versions, service.clock),
    )
    dataset_handlers = DatasetHandlers(
        intake=Intake(registrations, datasets.has_handled),
        register_dataset=RegisterDataset(datasets, contents.read, service.clock),
        retire_dataset=RetireDataset(datasets, service.clock),
    )
    desk = Desk(
        answers={
            ModelRegistrationRequested: model_handlers.register_version,
            VersionPromotionRequested: model_handlers.promote_version,
            ModelUpdateRequested: model_handlers.update_model,
            ModelArchivalRequested: model_handlers.archive_model,
            DatasetRegistrationRequested: dataset_handlers.register_dataset,
            DatasetRetirementRequested: dataset_handlers.retire_dataset,
        },
        answered={MODEL_REQUESTS.name: models.has_handled, DATASET_REQUESTS.name: datasets.has_handled},
        refuser=service.refusals,
        probe=service.health.away,
    )
    worker = Worker(
        registrations,
        desk,
        clock=service.clock,
        owner=new_id(),
        lease_s=settings.lease_s,
        slots=Slots(settings.workers, freed=registrations.wake),
        max_attempts=settings.max_attempts,
    )
    service.prepare_with(versions.prepare)
    service.prepare_with(Migration(models.collection, versions.collection).run)
    service.work_on(_collector(service, settings, turns).run)
    copies = KeptArtifacts(service.objects, settings.max_artifact_objects, inspections, settings.work_dir)
    _inspect_again(service, settings, models, versions, registrations, copies)
    _join(service, model_handlers, dataset_handlers, registrations, worker)
    return service


def _collector(service: Service, settings: Settings, turns: Turns) -> Collector:
    garbage = kinds(service.objects, service.database, service.positions, settings.garbage)
    every_s = settings.garbage.every_s
    return Collector(garbage, turns, every_s=every_s, clock=service.clock, probe=service.health.away)


def _inspect_again(
    service: Service,
    settings: Settings,
    models: Aggregates[Model],
    versions: Versions,
    registrations: Registrations,
    copies: KeptArtifacts,
) -> None:
    inspect = InspectVersion(
        models=models,
        versions=versions,
        inspect_again=copies.inspect_again,
        clock=service.clock,
        new_id=new_id,
    )
    reinspection = Reinspection(
        Due(service.database["inspections"], models.collection),
        Task(
            seek=versions.inspected_before,
            inspect=inspect,
            nobody_waits=registrations.nobody_waits,
            probe=service.health.away,
        ),
        clock=service.clock,
        owner=new_id(),
        lease_s=settings.lease_s,
        max_attempts=settings.max_attempts,
        pace=Pace(pause_s=settings.reinspection_pause_s),
    )
    service.work_on(reinspection.run)


def _join(
    service: Service,
    models: ModelHandlers,
    datasets: DatasetHandlers,
    registrations: Registrations,
    worker: Worker,
) -> None:
    service.take_requests(
        MODEL_REQUESTS,
        {
            ModelRegistrationRequested: models.on_registration,
            VersionPromotionRequested: models.on_promotion,
            ModelUpdateRequested: models.on_update,
            ModelArchivalRequested: models.on_archival,
        },
        answered=models.intake.answered,
    )
    service.take_requests(
        DATASET_REQUESTS,
        {
            DatasetRegistrationRequested: datasets.on_registration,
            DatasetRetirementRequested: datasets.on_retirement,
        },
        answered=datasets.intake.answered,
    )
    service.prepare_with(registrations.prepare)
    service.work_on(worker.run)
    service.needs("objects", partial(service.objects.ping, "models", "datasets"))
