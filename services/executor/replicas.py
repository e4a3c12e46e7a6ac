"""Others' facts as the executor keeps them: folded one by one, read back as the domain knows them.

Facts stay text: names that outsiders chose (parameters, tags) are no field names of ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol

from chassis.documents.parts import PartFold
from schemas.aliases import Alias, point
from schemas.deployments import DeploymentActivated, DeploymentPaused, DeploymentResumed, DeploymentRetired
from schemas.event import Event
from schemas.models import ModelArchived, ModelRegistered, VersionInspected, VersionPromoted, version_of
from schemas.values import ErrorInfo
from services.executor.domain.known import KnownDeployment, KnownModel, KnownVersion

Fields = dict[str, Any]


def fold_deployment(fields: Fields, event: Event) -> Fields:
    match event:
        case DeploymentActivated():
            return {"activated": event.to_json().decode(), "state": "active"}
        case DeploymentPaused():
            return {**fields, "state": "paused"}
        case DeploymentResumed():
            return {**fields, "state": "active"}
        case DeploymentRetired():
            return {**fields, "state": "retired"}
        case _:
            return fields


def read_deployment(fields: Fields | None) -> KnownDeployment | None:
    if not fields or "activated" not in fields:
        return None
    return KnownDeployment(DeploymentActivated.model_validate_json(fields["activated"]), fields["state"])


def fold_model(fields: Fields, event: Event) -> Fields:
    """What is said of a model as a whole; its versions are parts of it."""
    match event:
        case ModelRegistered():
            return {"aliases": [], "archived": False, **fields}
        case VersionPromoted():
            promoted = Alias(alias=event.alias, scope=event.scope, version=event.version)
            return {**fields, "aliases": [each.model_dump() for each in point(_aliases(fields), promoted)]}
        case ModelArchived(version=None):
            return {**fields, "archived": True}
        case _:
            return fields


def fold_version(fields: Fields, event: Event) -> Fields:
    match event:
        case ModelRegistered():
            return {"registered": _as_kept(event), "archived": False}
        case ModelArchived():
            return {**fields, "archived": True}
        case VersionInspected():
            return {**fields, "unfit": event.unfit and event.unfit.model_dump()}
        case _:
            return fields


def _split(whole: Fields) -> tuple[Fields, Mapping[str, Fields]]:
    """A model that holds its versions, as it was kept before."""
    model = {"aliases": whole.get("aliases", []), "archived": whole.get("archived", False)}
    return model, whole["versions"]


VERSIONS: Final = PartFold(
    name="known_model_versions",
    part_of=version_of,
    fold=fold_version,
    former_field="versions",
    former=_split,
)


class FactsInParts(Protocol):
    """A replica whose subjects have parts."""

    async def get(self, key: str) -> Fields | None: ...
    async def part(self, key: str, part: str) -> Fields | None: ...


@dataclass(frozen=True)
class Models:
    """The models that the registry has published."""

    replica: FactsInParts

    async def get(self, model_id: str) -> KnownModel | None:
        fields = await self.replica.get(model_id)
        if not fields or "aliases" not in fields:
            return None
        return KnownModel(_aliases(fields), fields.get("archived", False))

    async def version(self, model_id: str, number: int) -> KnownVersion | None:
        fields = await self.replica.part(model_id, str(number))
        if not fields or "registered" not in fields:
            return None
        unfit = fields.get("unfit")
        return KnownVersion(
            ModelRegistered.model_validate_json(fields["registered"]),
            fields["archived"],
            None if unfit is None else ErrorInfo.model_validate(unfit),
        )


def _as_kept(event: ModelRegistered) -> str:
    """Without what only people read, which may be large."""
    return event.model_copy(update={"card": None, "tags": None, "description": ""}).to_json().decode()


def _aliases(fields: Fields) -> tuple[Alias, ...]:
    return tuple(Alias.model_validate(each) for each in fields.get("aliases", ()))
