"""The model: how many versions it has, its aliases, and what may be done with them."""

from dataclasses import dataclass, field
from typing import Final, Self

from schemas.aliases import Alias, point
from schemas.event import Event
from schemas.models import (
    InputBinding,
    ModelArchivalRequested,
    ModelArchived,
    ModelChanges,
    ModelRegistered,
    ModelRegistrationMatched,
    ModelRegistrationRequested,
    ModelUpdated,
    ModelUpdateRequested,
    VersionInspected,
    VersionPromoted,
    VersionPromotionRequested,
)
from schemas.values import ALL_MARKETS, AliasScope, Artifact
from services.registry.domain.asked import Asked
from services.registry.domain.details import Details
from services.registry.domain.errors import (
    BrandNotAllowed,
    MarketNotAllowed,
    ModelIsArchived,
    ModelUnknown,
    TooManyAliases,
    VersionConflict,
    VersionIsArchived,
    VersionIsUnfit,
    VersionUnknown,
)
from services.registry.domain.inspection import RULES, Verdict
from services.registry.domain.version import State, Version

MAX_ALIASES: Final = 2000
"""In all scopes: everybody who knows the model keeps them in one document."""


@dataclass(kw_only=True)
class Model:
    """The aggregate; `events` is what it has raised since it was loaded.

    `versions` is how many there are: they count from 1 and are never taken away. Each has a document of its own, and
    whoever has something decided about one says what is known of it.
    """

    model_id: str
    details: Details
    versions: int = 0
    aliases: tuple[Alias, ...] = ()
    state: State = "active"
    events: list[Event] = field(default_factory=list)

    @classmethod
    def existing(cls, model: Self | None, model_id: str) -> Self:
        """Raises: ModelUnknown, ModelIsArchived."""
        if model is None:
            raise ModelUnknown(f"there is no model {model_id}")
        model.ensure_active()
        return model

    def ensure_active(self) -> None:
        if self.state == "archived":
            raise ModelIsArchived(f"model {self.model_id} is archived")

    def ensure_usable(self, number: int, version: Version | None) -> None:
        """Raises: VersionUnknown, VersionIsArchived."""
        if version is None:
            raise VersionUnknown(f"model {self.model_id} has no version {number}")
        if version.state == "archived":
            raise VersionIsArchived(f"version {number} of model {self.model_id} is archived")

    def ensure_fit(self, version: Version | None) -> None:
        """Raises: VersionIsUnfit."""
        if version is not None and version.unfit is not None:
            why = f"{version.unfit.code}: {version.unfit.message}"
            raise VersionIsUnfit(f"version {version.number} of model {self.model_id} isn't fit to be run ({why})")

    def target(self, alias: str, scope: AliasScope) -> int | None:
        """Where `alias` points in exactly this scope."""
        return next((each.version for each in self.aliases if (each.alias, each.scope) == (alias, scope)), None)

    def register(
        self,
        request: ModelRegistrationRequested,
        artifact: Artifact,
        asked: Asked,
        *,
        same: Version | None,
        bindings: tuple[InputBinding, ...] = (),
    ) -> None:
        """Make the next version, or match the `same` one that there is; what is said of the model is said anew."""
        self.ensure_active()
        details = self.details.said_anew(request)
        changes = self.details.changes_to(details)
        self.details = details
        self.events.append(
            self._made(request, artifact, asked, bindings) if same is None else self._matched(same, asked)
        )
        if same is not None and same.unfit is not None and same.format == request.format:
            # These bytes have just been inspected, and taken: what kept them from being run has passed.
            self.inspected(same, Verdict(rules=RULES, at=asked.at, bindings=bindings))
        if changes.model_fields_set:
            self.events.append(self._updated(changes, asked))

    def promote(self, request: VersionPromotionRequested, asked: Asked, *, version: Version | None) -> None:
        """Point an alias at a version in a scope."""
        scope = request.scope or AliasScope()
        self.ensure_usable(request.version, version)
        self.ensure_fit(version)
        self._ensure_covers(scope)
        previous = self.target(request.alias, scope)
        if request.expected_version is not None and previous != request.expected_version:
            raise VersionConflict(f"{request.alias} points at {previous or 'nothing'}, not {request.expected_version}")
        if previous is None and len(self.aliases) >= MAX_ALIASES:
            raise TooManyAliases(f"model {self.model_id} has {MAX_ALIASES} aliases and scopes: point one of them anew")
        self.aliases = point(self.aliases, Alias(alias=request.alias, scope=scope, version=request.version))
        self.events.append(
            VersionPromoted(
                model_id=self.model_id,
                alias=request.alias,
                scope=scope,
                version=request.version,
                previous_version=previous,
                promoted_by=asked.by,
                request_id=asked.request_id,
            )
        )

    def update(self, request: ModelUpdateRequested, asked: Asked) -> None:
        """Say something anew; answered also where nothing changes by it."""
        details = self.details.said_anew(request)
        changes = self.details.changes_to(details)
        self.details = details
        self.events.append(self._updated(changes, asked))

    def archive(self, request: ModelArchivalRequested, asked: Asked, *, version: Version | None) -> None:
        """Take a version or all of it out of use, at once; aliases that point there stay, and lead nowhere."""
        if request.version is None:
            self.state = "archived"
        else:
            self.ensure_usable(request.version, version)
        self.events.append(
            ModelArchived(
                model_id=self.model_id,
                version=request.version,
                archived_by=asked.by,
                request_id=asked.request_id,
            )
        )

    def inspected(self, version: Version, verdict: Verdict) -> None:
        """Tell what an inspection came to, where others know something else; aliases stay where they point.

        Later rules' word stands against earlier ones'.
        """
        is_news = verdict.unfit != version.unfit or verdict.bindings is not None
        if version.inspected_by > verdict.rules or not is_news:
            return
        self.events.append(
            VersionInspected(
                model_id=self.model_id,
                version=version.number,
                inspected_by=verdict.rules,
                inspected_at=verdict.at,
                unfit=verdict.unfit,
                bindings=verdict.bindings,
            )
        )

    def aliases_of(self, number: int) -> list[str]:
        """The aliases that point at this version in some scope, each once."""
        return sorted({each.alias for each in self.aliases if each.version == number})

    def _ensure_covers(self, scope: AliasScope) -> None:
        markets, brands = self.details.markets, self.details.brands
        if scope.market is not None and ALL_MARKETS not in markets and scope.market not in markets:
            raise MarketNotAllowed(f"{scope.market} is not among the markets of model {self.model_id}")
        if scope.brand is not None and brands and scope.brand not in brands:
            raise BrandNotAllowed(f"{scope.brand} is not among the brands of model {self.model_id}")

    def _made(
        self,
        request: ModelRegistrationRequested,
        artifact: Artifact,
        asked: Asked,
        bindings: tuple[InputBinding, ...],
    ) -> ModelRegistered:
        self.versions += 1
        return ModelRegistered.model_validate(
            {
                **self.details.values(),
                "model_id": self.model_id,
                "version": self.versions,
                "format": request.format,
                "artifact": artifact,
                "signature": request.signature,
                "entrypoint": request.entrypoint,
                "requirements": request.requirements,
                "bindings": bindings or None,
                "inspected_by": RULES,
                "registered_by": asked.by,
                "registered_at": asked.at,
                "request_id": asked.request_id,
            }
        )

    def _matched(self, version: Version, asked: Asked) -> ModelRegistrationMatched:
        return ModelRegistrationMatched(model_id=self.model_id, version=version.number, request_id=asked.request_id)

    def _updated(self, changes: ModelChanges, asked: Asked) -> ModelUpdated:
        return ModelUpdated(model_id=self.model_id, changes=changes, updated_by=asked.by, request_id=asked.request_id)
