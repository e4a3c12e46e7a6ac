"""The deployer's ports in memory, with places where a process can be stopped."""

import itertools
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from pydantic import TypeAdapter

from chassis.bus.delivery import ANONYMOUS, Delivery
from chassis.bus.envelope import Envelope
from chassis.documents.parts import PartFold
from schemas.datasets import DatasetRegistered
from schemas.event import Event
from schemas.known_datasets import fold_dataset
from schemas.models import ModelRegistered
from services.deployer import schedules
from services.deployer.dependencies import Dependencies
from services.deployer.domain.deployment import Deployment
from services.deployer.domain.graph import Graph
from services.deployer.known import VERSIONS, Datasets, Models, fold_model
from services.deployer.usecases.activate_deployment import ActivateDeployment
from services.deployer.usecases.change_deployment import ChangeDeployment

_numbers = itertools.count(1)
_DEPLOYMENT = TypeAdapter(Deployment)
_GRAPH = TypeAdapter(Graph)


class Stopped(BaseException):
    """The process is gone."""


class HeldClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 11, 23, 6, 0, 0, 123456, tzinfo=UTC)

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.moment.timestamp()

    def pass_time(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


def delivery(request_id: str | None = None) -> Delivery:
    """A delivery of a request with an id of its own."""
    envelope = Envelope(id=request_id or f"r{next(_numbers)}", source="/upstream/test", type="ml.Test.v1")
    return Delivery(
        envelope=envelope,
        actor=ANONYMOUS,
        topic="ml.deployment.requests",
        partition=0,
        offset=0,
        timestamp=datetime(2026, 11, 23, tzinfo=UTC),
    )


class FakeDeployments:
    """Deployments as documents. `before_save` and `after_save` may stop the process."""

    def __init__(self) -> None:
        self._documents: dict[str, dict[str, Any]] = {}
        self._handled: set[tuple[str, str]] = set()
        self.published: list[Event] = []
        self.before_save: Callable[[], None] = lambda: None
        self.after_save: Callable[[], None] = lambda: None

    async def load(self, aggregate_id: str) -> Deployment | None:
        document = self._documents.get(aggregate_id)
        return None if document is None else _DEPLOYMENT.validate_python(document)

    async def all(self) -> list[Deployment]:
        return [_DEPLOYMENT.validate_python(each) for each in self._documents.values()]

    async def has_handled(self, aggregate_id: str, request_key) -> bool:
        return (aggregate_id, request_key) in self._handled

    async def answer(self, aggregate_id: str, decide: Any, delivery: Delivery, *, makes: bool = False) -> None:
        if await self.has_handled(aggregate_id, delivery.request_key):
            return
        deployment = decide(await self.load(aggregate_id))
        self.before_save()
        self._documents[aggregate_id] = _DEPLOYMENT.dump_python(deployment, exclude={"events"})
        self._handled.add((aggregate_id, delivery.request_key))
        self.published += deployment.events
        self.after_save()


class FakeGraphs:
    """The graph as a document."""

    def __init__(self) -> None:
        self._document = _GRAPH.dump_python(Graph())

    async def load(self) -> Graph:
        return _GRAPH.validate_python(self._document)

    async def change(self, decide: Callable[[Graph], Awaitable[Graph]]) -> Graph:
        graph = await decide(await self.load())
        self._document = _GRAPH.dump_python(graph)
        return graph


class FakeReplica:
    """Facts folded at once."""

    def __init__(self, fold: Callable[[dict, Any], dict], parts: PartFold | None = None) -> None:
        self._fold = fold
        self._parts = parts
        self._documents: dict[str, dict[str, Any]] = {}
        self._part_documents: dict[str, dict[str, Any]] = {}

    def tell(self, *facts: Event) -> None:
        for fact in facts:
            _take(self._documents, fact.subject, fact, self._fold)
            part = self._parts and self._parts.part_of(fact)
            if self._parts and part:
                _take(self._part_documents, f"{fact.subject}/{part}", fact, self._parts.fold)

    async def get(self, key: str) -> dict[str, Any] | None:
        return self._documents.get(key)

    async def part(self, key: str, part: str) -> dict[str, Any] | None:
        return self._part_documents.get(f"{key}/{part}")

    async def find(self, field: str, values: tuple[str, ...]) -> list[dict[str, Any]]:
        return [each for each in self._documents.values() if each[field] in values]


def _take(documents: dict[str, dict[str, Any]], key: str, fact: Event, fold: Callable[[dict, Any], dict]) -> None:
    own = {name: value for name, value in documents.get(key, {}).items() if not name.startswith("_")}
    documents[key] = {"_id": key, "_sequence": 1, **fold(own, fact)}


@dataclass
class Refused:
    """Keys of refused requests, as the bus remembers them."""

    keys: set[str]

    async def __call__(self, request_key) -> bool:
        return request_key in self.keys


class Deployer:
    """The use cases on fakes."""

    def __init__(self) -> None:
        self.clock = HeldClock()
        self.deployments = FakeDeployments()
        self.graphs = FakeGraphs()
        self.models = FakeReplica(fold_model, VERSIONS)
        self.datasets = FakeReplica(fold_dataset)
        self.refused = Refused(set())
        self.dependencies = Dependencies(
            graphs=self.graphs,
            deployments=self.deployments,
            has_refused=self.refused,
            clock=self.clock,
            patience_s=60,
        )
        self.activate = ActivateDeployment(
            deployments=self.deployments,
            models=Models(self.models),
            datasets=Datasets(self.datasets),
            dependencies=self.dependencies,
            check_schedule=schedules.ensure_valid,
            clock=self.clock,
        )
        self.change = ChangeDeployment(deployments=self.deployments, dependencies=self.dependencies, clock=self.clock)

    def knows(self, *facts: ModelRegistered | DatasetRegistered | Event) -> "Deployer":
        for fact in facts:
            (self.datasets if "Dataset" in fact.event_type else self.models).tell(fact)
        return self


__all__ = ["Deployer", "FakeReplica", "HeldClock", "Stopped", "delivery"]
