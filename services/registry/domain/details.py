"""What is said about a model as a whole, and what changes when it is said anew."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self

from schemas.models import ModelChanges, ModelRegistrationRequested, ModelUpdateRequested


@dataclass(frozen=True, kw_only=True)
class Details:
    """A model's metadata, kept so that no name that an outsider chose becomes a field's name in a document."""

    name: str
    description: str
    function: str
    owner: str
    markets: tuple[str, ...]
    brands: tuple[str, ...]
    task: str | None = None
    tags: tuple[tuple[str, str], ...] | None = None
    card: str | None = None

    @classmethod
    def of(cls, request: ModelRegistrationRequested) -> Self:
        return cls(**_given(request))

    def said_anew(self, request: ModelRegistrationRequested | ModelUpdateRequested) -> Self:
        """With what the request gives; what it leaves out stays as it is."""
        return replace(self, **_given(request))

    def changes_to(self, new: "Details") -> ModelChanges:
        """The new values of what differs."""
        before, after = self.values(), new.values()
        return ModelChanges.model_validate({name: after[name] for name in after if after[name] != before.get(name)})

    def values(self) -> dict[str, Any]:
        """As messages have it; nothing for what was never said."""
        said = {name: value for name, value in asdict(self).items() if value is not None}
        if self.tags is not None:
            said["tags"] = dict(self.tags)
        if self.card is not None:
            said["card"] = json.loads(self.card)
        return said


_NAMES = tuple(field.name for field in fields(Details))


def _given(request: ModelRegistrationRequested | ModelUpdateRequested) -> dict[str, Any]:
    said = {name: getattr(request, name, None) for name in _NAMES}
    if said["tags"] is not None:
        said["tags"] = _pairs(said["tags"])
    if said["card"] is not None:
        said["card"] = json.dumps(said["card"], sort_keys=True, ensure_ascii=False)
    return {name: value for name, value in said.items() if value is not None}


def _pairs(tags: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted(tags.items()))
