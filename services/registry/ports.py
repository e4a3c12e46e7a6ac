"""What the use cases need, as they see it."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from chassis.bus.delivery import Delivery
from chassis.bus.request_key import RequestKey
from chassis.documents.aggregates import Aggregate, Decide
from schemas.models import InputBinding, ModelRegistrationRequested
from schemas.values import Artifact, DataFormat
from services.registry.domain.dataset import Content

A = TypeVar("A", bound=Aggregate)


class Repository(Protocol[A]):
    """The aggregates of one kind."""

    async def load(self, aggregate_id: str) -> A | None: ...

    async def has_handled(self, aggregate_id: str, request_key: RequestKey) -> bool: ...

    async def answer(
        self, aggregate_id: str, decide: Decide[A], delivery: Delivery, *, makes: bool = False
    ) -> None: ...


@dataclass(frozen=True)
class Taken:
    """The registry's own copy of a model, and what its inputs are bound to."""

    artifact: Artifact
    bindings: tuple[InputBinding, ...]


class TakeArtifact(Protocol):
    """Copies what a request names under its digest, inspected; refuses what isn't right."""

    async def __call__(self, request: ModelRegistrationRequested) -> Taken: ...


class ReadContent(Protocol):
    """Reads the columns and the size of what lies at `uri`; refuses what can't be read."""

    async def __call__(self, uri: str, data_format: DataFormat) -> Content: ...
