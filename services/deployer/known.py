"""The registry's facts, folded into what the deployer needs, and asked for again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from pydantic import TypeAdapter

from chassis.documents.parts import PartFold
from schemas.aliases import Alias, point
from schemas.event import Event
from schemas.known_datasets import KnownDataset, places, read_dataset
from schemas.models import (
    ModelArchived,
    ModelRegistered,
    ModelUpdated,
    VersionInspected,
    VersionPromoted,
    version_of,
)
from schemas.values import ErrorInfo
from services.deployer.domain.model import KnownModel, KnownVersion

Fields = dict[str, Any]

_MODEL: Final = TypeAdapter(KnownModel)
_VERSION: Final = TypeAdapter(KnownVersion)


def fold_model(known: Fields, fact: Event) -> Fields:
    """A model after one more fact; its versions are parts of it."""
    model = read_model(known)
    if model is None and isinstance(fact, ModelRegistered):
        model = KnownModel(model_id=fact.model_id, markets=fact.markets, brands=fact.brands)
    return known if model is None else _MODEL.dump_python(_changed(model, fact))


def _changed(model: KnownModel, fact: Event) -> KnownModel:
    match fact:
        case VersionPromoted():
            promoted = Alias(alias=fact.alias, scope=fact.scope, version=fact.version)
            return replace(model, aliases=point(model.aliases, promoted))
        case ModelUpdated(changes=changes):
            markets = model.markets if changes.markets is None else changes.markets
            brands = model.brands if changes.brands is None else changes.brands
            return replace(model, markets=markets, brands=brands)
        case ModelArchived(version=None):
            return replace(model, archived=True)
        case _:
            return model


def fold_version(known: Fields, fact: Event) -> Fields:
    """A version after one more fact about it."""
    match fact:
        case ModelRegistered():
            signature = None if fact.signature is None else fact.signature.model_dump_json()
            made = KnownVersion(model_id=fact.model_id, number=fact.version, format=fact.format, signature=signature)
            return _VERSION.dump_python(made, exclude={"unfit"})
        case ModelArchived():
            return {**known, "archived": True}
        case VersionInspected(unfit=ErrorInfo() as unfit):
            return {**known, "unfit": f"{unfit.code}: {unfit.message}"}
        case VersionInspected():
            return {name: value for name, value in known.items() if name != "unfit"}
        case _:
            return known


def _split(whole: Fields) -> tuple[Fields, Mapping[str, Fields]]:
    """A model that holds its versions and once each of their signatures, as it was kept before."""
    model = {name: value for name, value in whole.items() if name not in ("versions", "signatures")}
    signatures = whole["signatures"]
    versions = {
        str(each["number"]): {
            **each,
            "model_id": whole["model_id"],
            "signature": None if each["signature"] is None else signatures[each["signature"]],
        }
        for each in whole["versions"]
    }
    return model, versions


VERSIONS: Final = PartFold(
    name="known_model_versions",
    part_of=version_of,
    fold=fold_version,
    former_field="versions",
    former=_split,
)


class ReplicaInParts(Protocol):
    async def get(self, key: str) -> Mapping[str, Any] | None: ...
    async def part(self, key: str, part: str) -> Mapping[str, Any] | None: ...


class ReplicaByField(Protocol):
    async def find(self, field: str, values: tuple[str, ...]) -> list[Fields]: ...


@dataclass(frozen=True)
class Models:
    """The models that the registry has published."""

    replica: ReplicaInParts

    async def get(self, model_id: str) -> KnownModel | None:
        return read_model(await self.replica.get(model_id) or {})

    async def version(self, model_id: str, number: int) -> KnownVersion | None:
        return read_version(await self.replica.part(model_id, str(number)) or {})


@dataclass(frozen=True)
class Datasets:
    """The data sets that the registry has published, retired ones among them."""

    replica: ReplicaByField

    async def holding(self, uri: str) -> list[KnownDataset]:
        """Those that an input at `uri` lies under."""
        return [read_dataset(each) for each in await self.replica.find("uri", places(uri))]


def read_version(fields: Mapping[str, Any]) -> KnownVersion | None:
    """A version from its fields, or its document; None where nothing was said of it."""
    own = _own(fields)
    return _VERSION.validate_python(own) if "number" in own else None


def read_model(fields: Mapping[str, Any]) -> KnownModel | None:
    """A model from its fields, or its document; None where nothing was said of it."""
    own = _own(fields)
    return _MODEL.validate_python(own) if own else None


def _own(fields: Mapping[str, Any]) -> Fields:
    return {name: value for name, value in fields.items() if not name.startswith("_")}
