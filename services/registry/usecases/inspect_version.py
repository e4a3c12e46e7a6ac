"""A version that was registered by earlier rules is inspected by those of now."""

from dataclasses import dataclass
from functools import partial

import structlog

from chassis.bus.delivery import Cause
from chassis.clock import Clock, NewId
from chassis.crash_points import CrashPoint, crash_points
from schemas.models import ModelRegistered
from services.registry.domain.inspection import RULES, Verdict, reason
from services.registry.domain.model import Model
from services.registry.domain.version import Version
from services.registry.ports import InspectAgain, Kept, KeptVersions, Repository
from services.registry.refusals import FieldRefusal, ModelNotLoaded, NotInspected

log = structlog.get_logger(__name__)


@dataclass(frozen=True, kw_only=True)
class InspectVersion:
    """Slow: called in the background. Done again, by whomever, it changes nothing."""

    models: Repository[Model]
    versions: KeptVersions
    inspect_again: InspectAgain
    clock: Clock
    new_id: NewId

    async def __call__(self, which: str) -> Verdict | None:
        """What it came to; None for a version that isn't due any more: out of use, or inspected meanwhile.

        Raises:
            NotInspected: nothing can be looked at here.
            ModelNotLoaded: it took too long or was killed; that decides nothing about what was taken before.
            PlatformError: the bytes aren't to be had, or a dependency is away; nothing was decided.
        """
        kept = await self.versions.kept(which, RULES)
        if kept is None:
            return None
        verdict = await self._verdict(kept)
        await self._tell(kept.registered, verdict)
        crash_points.passing(CrashPoint.INSPECTED)
        await self.versions.note(which, verdict.rules)
        return verdict

    async def _verdict(self, kept: Kept) -> Verdict:
        try:
            found = await self.inspect_again(kept.registered)
        except (NotInspected, ModelNotLoaded):
            raise  # A busy machine takes no version out of use that was taken before.
        except FieldRefusal as refusal:
            return Verdict(rules=RULES, at=self.clock.now(), unfit=reason(refusal.code, refusal.message))
        return Verdict(rules=RULES, at=self.clock.now(), bindings=None if found == kept.bindings else found)

    async def _tell(self, registered: ModelRegistered, verdict: Verdict) -> None:
        def decide(model: Model | None, version: Version | None) -> Model | None:
            if model is None or version is None or version.state == "archived":
                return None
            model.inspected(version, verdict)
            _log(model, version, verdict)
            return model if model.events else None

        look = partial(self.versions.numbered, registered.model_id, registered.version)
        cause = Cause(event_id=None, correlation_id=self.new_id())
        await self.models.change_knowing(registered.model_id, look, decide, cause)


def _log(model: Model, version: Version, verdict: Verdict) -> None:
    if verdict.unfit is None or not model.events:
        return
    aliases = model.aliases_of(version.number)
    # Where an alias points at it, somebody has to act: nothing runs by that alias any more.
    say = log.error if aliases else log.warning
    say("version_unfit", model_id=model.model_id, version=version.number, code=verdict.unfit.code, aliases=aliases)
