"""An alias is pointed at a version."""

from dataclasses import dataclass
from functools import partial

from chassis.bus.delivery import Delivery
from chassis.clock import Clock
from schemas.models import VersionPromotionRequested
from services.registry.domain.model import Model
from services.registry.domain.version import Version
from services.registry.ports import Repository, Versions
from services.registry.refusals import refusing
from services.registry.usecases.asking import asked


@dataclass(frozen=True)
class PromoteVersion:
    """Answers at once."""

    models: Repository[Model]
    versions: Versions
    clock: Clock

    async def __call__(self, request: VersionPromotionRequested, delivery: Delivery) -> None:
        who = asked(delivery, self.clock)

        def decide(model: Model | None, version: Version | None) -> Model:
            model = Model.existing(model, request.model_id)
            model.promote(request, who, version=version)
            return model

        look = partial(self.versions.numbered, request.model_id, request.version)
        with refusing():
            await self.models.answer_knowing(request.model_id, look, decide, delivery)
