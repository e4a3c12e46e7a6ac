"""The registry's facts, folded into what the deployer needs, and asked for again."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final, Protocol

from pydantic import TypeAdapter

from schemas.aliases import Alias, point
from schemas.event import Event
from schemas.known_datasets import KnownDataset, places, read_dataset
from schemas.models import ModelArchived, ModelRegistered, ModelUpdated, VersionPromoted
from services.deployer.domain.model import KnownModel

Fields = dict[str, Any]

_MODEL: Final = TypeAdapter(KnownModel)


def fold_model(known: Fields, fact: Event) -> Fields:
    """A model after one more fact."""
    if isinstance(fact, ModelRegistered):
        model = _model(known) or KnownModel(model_id=fact.model_id, markets=fact.markets, brands=fact.brands)
        return _MODEL.dump_python(model.with_version(fact.version, fact.format, fact.signature))
    model = _model(known)
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
        case ModelArchived(version=int(number)):
            return model.without_version(number)
        case _:
            return model


class ReplicaByKey(Protocol):
    async def get(self, key: str) -> Mapping[str, Any] | None: ...


class ReplicaByField(Protocol):
    async def find(self, field: str, values: tuple[str, ...]) -> list[Fields]: ...


@dataclass(frozen=True)
class Models:
    """The models that the registry has published."""

    replica: ReplicaByKey

    async def get(self, model_id: str) -> KnownModel | None:
        return _model(await self.replica.get(model_id) or {})


@dataclass(frozen=True)
class Datasets:
    """The data sets that the registry has published, retired ones among them."""

    replica: ReplicaByField

    async def holding(self, uri: str) -> list[KnownDataset]:
        """Those that an input at `uri` lies under."""
        return [read_dataset(each) for each in await self.replica.find("uri", places(uri))]


def _model(fields: Mapping[str, Any]) -> KnownModel | None:
    own = _own(fields)
    return _MODEL.validate_python(own) if own else None


def _own(fields: Mapping[str, Any]) -> Fields:
    return {name: value for name, value in fields.items() if not name.startswith("_")}
