"""A version, or a whole model, is taken out of use."""

from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from chassis.clock import Clock
from schemas.models import ModelArchivalRequested
from services.registry.domain.model import Model
from services.registry.ports import Repository
from services.registry.refusals import refusing
from services.registry.usecases.asking import asked


@dataclass(frozen=True)
class ArchiveModel:
    """Answers at once."""

    models: Repository[Model]
    clock: Clock

    async def __call__(self, request: ModelArchivalRequested, delivery: Delivery) -> None:
        who = asked(delivery, self.clock)

        def decide(model: Model | None) -> Model:
            model = Model.existing(model, request.model_id)
            model.archive(request, who)
            return model

        with refusing():
            await self.models.answer(request.model_id, decide, delivery)
