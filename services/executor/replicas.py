"""Others' facts as the executor keeps them: folded one by one, read back as the domain knows them.

Facts stay text: names that outsiders chose (parameters, tags) are no field names of ours.
"""

from typing import Any

from schemas.aliases import Alias, point
from schemas.deployments import DeploymentActivated, DeploymentPaused, DeploymentResumed, DeploymentRetired
from schemas.event import Event
from schemas.models import ModelArchived, ModelRegistered, VersionPromoted
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
    match event:
        case ModelRegistered():
            version = {"registered": _as_kept(event), "archived": False}
            return {**fields, "versions": {**fields.get("versions", {}), str(event.version): version}}
        case VersionPromoted():
            promoted = Alias(alias=event.alias, scope=event.scope, version=event.version)
            return {**fields, "aliases": [each.model_dump() for each in point(_aliases(fields), promoted)]}
        case ModelArchived(version=None):
            return {**fields, "archived": True}
        case ModelArchived():
            return _without_version(fields, str(event.version))
        case _:
            return fields


def read_model(fields: Fields | None) -> KnownModel | None:
    if not fields or "versions" not in fields:
        return None
    versions = {
        int(number): KnownVersion(ModelRegistered.model_validate_json(each["registered"]), each["archived"])
        for number, each in fields["versions"].items()
    }
    return KnownModel(versions, _aliases(fields), fields.get("archived", False))


def _as_kept(event: ModelRegistered) -> str:
    """Without what only people read, which may be large."""
    return event.model_copy(update={"card": None, "tags": None, "description": ""}).to_json().decode()


def _without_version(fields: Fields, number: str) -> Fields:
    versions = fields.get("versions", {})
    if number not in versions:
        return fields
    return {**fields, "versions": {**versions, number: {**versions[number], "archived": True}}}


def _aliases(fields: Fields) -> tuple[Alias, ...]:
    return tuple(Alias.model_validate(each) for each in fields.get("aliases", ()))
