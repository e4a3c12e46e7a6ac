"""A small service on real servers: it counts what it is asked to, in one document an id."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest

from chassis.errors import Refusal
from chassis.service import Service
from chassis.settings import ChassisSettings, HttpSettings
from schemas.event import Event
from schemas.executions import ExecutionFinished
from schemas.models import ModelArchivalRequested, ModelUpdated, ModelUpdateRequested
from schemas.observations import SeriesObserved
from schemas.topics import EXECUTION_EVENTS, METRIC_OBSERVATIONS, MODEL_REQUESTS
from tests.integration.living import living
from tests.integration.outsider import Outsider, attributes


class Unwanted(Refusal):
    code = "unwanted"


@dataclass
class Counted:
    """How often an id was updated."""

    model_id: str
    updates: int = 0
    events: list[Event] = field(default_factory=list)


class CountingService:
    """The chassis with a registry's principal and the smallest domain that makes facts and refusals."""

    def __init__(self, settings: ChassisSettings, database: str) -> None:
        self.service = Service("registry", settings)
        self.service.database = self.service.mongo[database]
        # The refusals' collection was made before the database was another.
        self.service.refusals.collection = self.service.database["refusals"]
        self.service.relay.serve(self.service.refusals.collection)
        self.counted = self.service.aggregates("counted", Counted)
        self.before: Callable[[Event], Awaitable[None]] | None = None
        self.service.take_requests(
            MODEL_REQUESTS,
            {ModelUpdateRequested: self._on_update, ModelArchivalRequested: self._on_archival},
            answered=self.counted.has_handled,
        )

    async def _on_update(self, event: ModelUpdateRequested, delivery: Any) -> None:
        if self.before is not None:
            await self.before(event)
        if event.description == "unwanted":
            raise Unwanted("not this one")

        def decide(counted: Counted | None) -> Counted:
            counted = counted or Counted(event.model_id)
            counted.updates += 1
            fact = ModelUpdated(
                model_id=event.model_id,
                changes={"description": str(counted.updates)},
                updated_by=delivery.actor.subject,
                request_id=delivery.request_id,
            )
            counted.events.append(fact)
            return counted

        await self.counted.answer(event.model_id, decide, delivery)

    async def _on_archival(self, event: ModelArchivalRequested, delivery: Any) -> None:
        raise RuntimeError("a bug")


class Asker(Outsider):
    """Asks for updates; what it hears are facts, refusals and dead letters."""

    async def send(self, model_id: str, *, ce_id: str | None = None, kind: str = "ModelUpdate", **body: Any) -> str:
        headers = attributes(f"ml.{kind}Requested.v1", model_id, id=ce_id or str(uuid4()))
        await self.raw(json.dumps({"model_id": model_id, **body}).encode(), model_id, headers)
        return headers["ce_id"]

    async def raw(self, value: bytes, key: str, headers: dict[str, str]) -> None:
        await self.write("ml.model.requests", value, key=key, headers=headers)


@pytest.fixture
async def outsider(kafka) -> AsyncIterator[Asker]:
    topics = ("ml.model.events", "ml.model.refusals", "ml.registry.dlq")
    async with Asker(kafka, *topics, principals=("upstream", "registry")) as made:
        yield made


@pytest.fixture
def make_service(kafka, mongo, s3) -> Callable[..., CountingService]:
    database = f"chassis-{uuid4().hex[:8]}"

    def make(**settings: Any) -> CountingService:
        given = {"kafka": kafka.settings("registry"), "mongo": mongo, "s3": s3, "http": HttpSettings(port=0)}
        return CountingService(ChassisSettings(**(given | settings)), database)

    return make


@pytest.fixture
async def counting(make_service) -> AsyncIterator[CountingService]:
    made = make_service()
    async with living(made.service):
        yield made


class Shelf:
    """Stores what it is given, all or nothing; chokes on some names."""

    def __init__(self) -> None:
        self.poison, self.stored, self.choked = set(), [], 0

    async def __call__(self, taken):
        names = [event.subject for event, _ in taken]
        if self.poison & set(names):
            self.choked += 1
            raise RuntimeError("a bug")
        self.stored += names


@pytest.fixture
async def batches(kafka, mongo, s3, new_name):
    """A metrics service that stores in memory."""
    settings = ChassisSettings(kafka=kafka.settings("metrics"), mongo=mongo, s3=s3, http=HttpSettings(port=0))
    service, shelf = Service("metrics", settings), Shelf()

    async def check(event, delivery):
        return

    lines = {METRIC_OBSERVATIONS: {SeriesObserved: check}, EXECUTION_EVENTS: {ExecutionFinished: check}}
    service.take_batches(lines, shelf, suffix=new_name())
    async with living(service):
        yield service, shelf


@pytest.fixture
async def observer(kafka):
    async with Outsider(kafka, "ml.metrics.dlq", principals=("upstream", "executor")) as made:
        yield made
