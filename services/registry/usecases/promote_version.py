"""An alias is pointed at a version."""

from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from chassis.clock import Clock
from schemas.models import VersionPromotionRequested
from services.registry.domain.model import Model
from services.registry.ports import Repository
from services.registry.refusals import refusing
from services.registry.usecases.asking import asked


@dataclass(frozen=True)
class PromoteVersion:
    """Answers at once."""

    models: Repository[Model]
    clock: Clock

    async def __call__(self, request: VersionPromotionRequested, delivery: Delivery) -> None:
        who = asked(delivery, self.clock)

        def decide(model: Model | None) -> Model:
            model = Model.existing(model, request.model_id)
            model.promote(request, who)
            return model

        with refusing():
            await self.models.answer(request.model_id, decide, delivery)
