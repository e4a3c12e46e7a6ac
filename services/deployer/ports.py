"""What the use cases need, as they see it."""

from collections.abc import Awaitable, Callable
from typing import Protocol

from chassis.bus.delivery import Delivery
from chassis.bus.request_key import RequestKey
from chassis.documents.aggregates import Decide
from schemas.known_datasets import KnownDataset
from schemas.values import Schedule
from services.deployer.domain.deployment import Deployment
from services.deployer.domain.graph import Graph
from services.deployer.domain.model import KnownModel, KnownVersion

CheckSchedule = Callable[[Schedule], None]
"""Raises ScheduleInvalid."""

HasRefused = Callable[[RequestKey], Awaitable[bool]]
"""Whether a request has been refused, by its key."""


class Deployments(Protocol):
    async def load(self, aggregate_id: str) -> Deployment | None: ...

    async def has_handled(self, aggregate_id: str, request_key: RequestKey) -> bool: ...

    async def answer(
        self, aggregate_id: str, decide: Decide[Deployment], delivery: Delivery, *, makes: bool = False
    ) -> None: ...


class KnownModels(Protocol):
    """A version is at least as it was at the last `get` of its model."""

    async def get(self, model_id: str) -> KnownModel | None: ...
    async def version(self, model_id: str, number: int) -> KnownVersion | None: ...


class KnownDatasets(Protocol):
    async def holding(self, uri: str) -> list[KnownDataset]: ...


class Graphs(Protocol):
    """The one graph, under compare-and-swap."""

    async def load(self) -> Graph: ...

    async def change(self, decide: Callable[[Graph], Awaitable[Graph]]) -> Graph:
        """Store what `decide` makes of the graph, which may be called again; the graph as stored."""
        ...
