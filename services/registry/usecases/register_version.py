"""A model's next version, from bytes that somebody has put into `incoming/`."""

from dataclasses import dataclass
from functools import partial

from chassis.bus.delivery import Delivery
from chassis.clock import Clock
from chassis.crash_points import CrashPoint, crash_points
from schemas.models import ModelRegistrationRequested
from services.registry.domain.details import Details
from services.registry.domain.model import Model
from services.registry.domain.version import Version, fingerprint
from services.registry.ports import Copies, Repository, TakeArtifact, Versions
from services.registry.refusals import refusing
from services.registry.usecases.asking import asked


@dataclass(frozen=True)
class RegisterVersion:
    """Slow: called by the worker, after `ensure_possible` by the handler."""

    models: Repository[Model]
    versions: Versions
    take_artifact: TakeArtifact
    copies: Copies
    clock: Clock

    async def __call__(self, request: ModelRegistrationRequested, delivery: Delivery) -> None:
        await self.ensure_possible(request)
        taken = await self.take_artifact(request, partial(self.copies.rely_on, delivery))
        crash_points.passing(CrashPoint.COPIED)
        who = asked(delivery, self.clock)

        def decide(model: Model | None, same: Version | None) -> Model:
            model = model or Model(model_id=request.model_id, details=Details.of(request))
            model.register(request, taken.artifact, who, same=same, bindings=taken.bindings)
            return model

        look = partial(self.versions.like, request.model_id, fingerprint(request, taken.artifact.sha256))
        with refusing():
            await self.models.answer_knowing(request.model_id, look, decide, delivery, makes=True)

    async def ensure_possible(self, request: ModelRegistrationRequested) -> None:
        """Refuse what no bytes can make right: an archived model stays archived."""
        model = await self.models.load(request.model_id)
        if model is not None:
            with refusing():
                model.ensure_active()
