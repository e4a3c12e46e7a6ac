"""What the use cases need, as they see it."""

from typing import Protocol, TypeVar

from chassis.bus.delivery import Delivery
from chassis.documents.aggregates import Aggregate, Decide
from schemas.values import Artifact, ArtifactRef, DataFormat, ModelFormat
from services.registry.domain.dataset import Content

A = TypeVar("A", bound=Aggregate)


class Repository(Protocol[A]):
    """The aggregates of one kind."""

    async def load(self, aggregate_id: str) -> A | None: ...

    async def has_handled(self, aggregate_id: str, request_key: str) -> bool: ...

    async def answer(
        self, aggregate_id: str, decide: Decide[A], delivery: Delivery, *, makes: bool = False
    ) -> None: ...


class TakeArtifact(Protocol):
    """Copies what `ref` names under its digest, checked; refuses what isn't right."""

    async def __call__(self, ref: ArtifactRef, artifact_format: ModelFormat) -> Artifact: ...


class ReadContent(Protocol):
    """Reads the columns and the size of what lies at `uri`; refuses what can't be read."""

    async def __call__(self, uri: str, data_format: DataFormat) -> Content: ...
