"""A small service on real servers: it counts what it is asked to, in one document an id."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.bus.connection import client_options
from chassis.errors import Refusal
from chassis.objects import Objects
from chassis.service import Service
from chassis.settings import ChassisSettings, HttpSettings
from schemas.event import Event
from schemas.models import ModelArchivalRequested, ModelUpdated, ModelUpdateRequested
from schemas.topics import MODEL_REQUESTS


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


class Outsider:
    """Publishes as `upstream` and reads everything as `operator`."""

    def __init__(self, kafka: Any) -> None:
        self._producer = AIOKafkaProducer(**client_options(kafka.settings("upstream")), acks="all")
        topics = ("ml.model.events", "ml.model.refusals", "ml.registry.dlq")
        self._consumer = AIOKafkaConsumer(*topics, **client_options(kafka.settings("operator")), fetch_max_wait_ms=50)
        self.seen: list[Any] = []

    async def start(self) -> None:
        await self._producer.start()
        await self._consumer.start()
        await self._consumer.seek_to_end()
        for partition in self._consumer.assignment():
            await self._consumer.position(partition)

    async def stop(self) -> None:
        await self._producer.stop()
        await self._consumer.stop()

    async def send(self, model_id: str, *, ce_id: str | None = None, kind: str = "ModelUpdate", **body: Any) -> str:
        ce_id = ce_id or str(uuid4())
        headers = {
            "ce_specversion": "1.0",
            "ce_id": ce_id,
            "ce_source": "/upstream/test",
            "ce_type": f"ml.{kind}Requested.v1",
            "ce_subject": model_id,
            "content-type": "application/json",
        }
        value = json.dumps({"model_id": model_id, **body}).encode()
        await self.raw(value, model_id, headers)
        return ce_id

    async def raw(self, value: bytes, key: str, headers: dict[str, str]) -> None:
        pairs = [(name, text.encode()) for name, text in headers.items()]
        await self._producer.send_and_wait("ml.model.requests", value, key.encode(), headers=pairs)

    async def wait_for(self, wanted: Callable[[Any], bool], count: int = 1, *, seconds: float = 30) -> list[Any]:
        """The records that are wanted, once there are `count` of them."""
        async with asyncio.timeout(seconds):
            while len(found := [each for each in self.seen if wanted(each)]) < count:
                for records in (await self._consumer.getmany(timeout_ms=100)).values():
                    self.seen += records
        return found

    async def nothing_more(self, wanted: Callable[[Any], bool], count: int, *, seconds: float = 1.5) -> None:
        """Stay for a while and see that no more of them come."""
        async with asyncio.timeout(seconds + 5):
            for _ in range(int(seconds / 0.1)):
                for records in (await self._consumer.getmany(timeout_ms=100)).values():
                    self.seen += records
        assert len([each for each in self.seen if wanted(each)]) == count


@pytest.fixture
async def outsider(kafka) -> AsyncIterator[Outsider]:
    made = Outsider(kafka)
    await made.start()
    yield made
    await made.stop()


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
    async with running(made.service):
        yield made


class running:  # noqa: N801
    """A service's life as a task of the test, without its page and its signals."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __aenter__(self) -> Service:
        self._objects: Objects = await self._service.objects.__aenter__()
        self._life = asyncio.create_task(self._service._live())
        async with asyncio.timeout(60):
            while "started" not in self._service.health.dependencies and not self._started():
                if self._life.done():
                    await self._life
                await asyncio.sleep(0.05)
        return self._service

    def _started(self) -> bool:
        subscriptions = self._service.consumers.subscriptions
        return all(each.assignment.is_member for each in subscriptions) and "started" not in self._service.health.others

    async def __aexit__(self, *exc_info: object) -> None:
        await self._service.consumers.stop()
        self._life.cancel()
        await asyncio.wait((self._life,))
        await self._service._close()
        await self._service.objects.__aexit__()
