"""What the use cases need, as they see it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from chassis.bus.delivery import Cause, Delivery
from chassis.bus.outgoing import Outgoing
from chassis.bus.request_key import RequestKey
from chassis.documents.aggregates import Aggregate, Decide, Look
from schemas.models import InputBinding, ModelRegistered, ModelRegistrationRequested
from schemas.values import Artifact, DataFormat
from services.registry.domain.dataset import Content
from services.registry.domain.version import Version

A = TypeVar("A", bound=Aggregate)
K = TypeVar("K")


class Repository(Protocol[A]):
    """The aggregates of one kind."""

    async def load(self, aggregate_id: str) -> A | None: ...

    async def has_handled(self, aggregate_id: str, request_key: RequestKey) -> bool: ...

    async def answer(
        self, aggregate_id: str, decide: Decide[A], delivery: Delivery, *, makes: bool = False
    ) -> None: ...

    async def answer_knowing(
        self,
        aggregate_id: str,
        look: Look[K],
        decide: Callable[[A | None, K], A | None],
        delivery: Delivery,
        *,
        makes: bool = False,
    ) -> None: ...

    async def change_knowing(
        self, aggregate_id: str, look: Look[K], decide: Callable[[A | None, K], A | None], cause: Cause
    ) -> None: ...


class Versions(Protocol):
    """All versions; a mark is a fingerprint. Events that their model hasn't published yet count, too."""

    async def numbered(self, model_id: str, number: int | None, unpublished: Sequence[Outgoing]) -> Version | None: ...

    async def like(self, model_id: str, mark: str, unpublished: Sequence[Outgoing]) -> Version | None: ...


@dataclass(frozen=True)
class Taken:
    """The registry's own copy of a model, and what its inputs are bound to."""

    artifact: Artifact
    bindings: tuple[InputBinding, ...]


RelyOn = Callable[[str], Awaitable[None]]
"""Says that the copy under a digest is relied on from now on; returns when nobody removes it any more."""


class TakeArtifact(Protocol):
    """Copies what a request names under its digest, inspected; refuses what isn't right."""

    async def __call__(self, request: ModelRegistrationRequested, rely_on: RelyOn) -> Taken: ...


class Copies(Protocol):
    """The registry's own copies, which go when nothing needs them."""

    async def rely_on(self, delivery: Delivery, digest: str) -> None:
        """What is asked for in `delivery` needs the copy, until it is answered. Raises: AssignmentLost."""
        ...


class Kept(Protocol):
    """A version as it was registered, and the bindings that others know."""

    @property
    def registered(self) -> ModelRegistered: ...
    @property
    def bindings(self) -> tuple[InputBinding, ...]: ...


class KeptVersions(Versions, Protocol):
    """Versions that may be inspected again, by their ids."""

    async def kept(self, which: str, rules: int) -> Kept | None: ...
    async def note(self, which: str, rules: int) -> None: ...


class InspectAgain(Protocol):
    """Has the registry's own copy of a version inspected; refuses as a registration would."""

    async def __call__(self, version: ModelRegistered) -> tuple[InputBinding, ...]: ...


class ReadContent(Protocol):
    """Reads the columns and the size of what lies at `uri`; refuses what can't be read."""

    async def __call__(self, uri: str, data_format: DataFormat) -> Content: ...
