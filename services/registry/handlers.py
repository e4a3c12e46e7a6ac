"""Requests in; use cases or the queue do the rest."""

from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from schemas.datasets import DatasetRegistrationRequested, DatasetRetirementRequested
from schemas.models import (
    ModelArchivalRequested,
    ModelRegistrationRequested,
    ModelUpdateRequested,
    VersionPromotionRequested,
)
from services.registry.intake import Intake
from services.registry.usecases.archive_model import ArchiveModel
from services.registry.usecases.promote_version import PromoteVersion
from services.registry.usecases.register_dataset import RegisterDataset
from services.registry.usecases.register_version import RegisterVersion
from services.registry.usecases.retire_dataset import RetireDataset
from services.registry.usecases.update_model import UpdateModel


@dataclass(frozen=True, kw_only=True)
class ModelHandlers:
    """`ml.model.requests`."""

    intake: Intake
    register_version: RegisterVersion
    promote_version: PromoteVersion
    update_model: UpdateModel
    archive_model: ArchiveModel

    async def on_registration(self, event: ModelRegistrationRequested, delivery: Delivery) -> None:
        await self.register_version.ensure_possible(event)
        await self.intake.wait(event, delivery)

    async def on_promotion(self, event: VersionPromotionRequested, delivery: Delivery) -> None:
        await self.intake.answer(self.promote_version, event, delivery)

    async def on_update(self, event: ModelUpdateRequested, delivery: Delivery) -> None:
        await self.intake.answer(self.update_model, event, delivery)

    async def on_archival(self, event: ModelArchivalRequested, delivery: Delivery) -> None:
        await self.intake.answer(self.archive_model, event, delivery)


@dataclass(frozen=True, kw_only=True)
class DatasetHandlers:
    """`ml.dataset.requests`."""

    intake: Intake
    register_dataset: RegisterDataset
    retire_dataset: RetireDataset

    async def on_registration(self, event: DatasetRegistrationRequested, delivery: Delivery) -> None:
        self.register_dataset.ensure_possible(event)
        await self.intake.wait(event, delivery)

    async def on_retirement(self, event: DatasetRetirementRequested, delivery: Delivery) -> None:
        await self.intake.answer(self.retire_dataset, event, delivery)
