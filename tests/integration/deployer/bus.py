"""The deployer's neighbours: a registry that states facts, an upstream system that asks and reads the answers."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.bus.connection import client_options
from chassis.settings import KafkaSettings
from schemas.event import Event

ANSWERS = ("ml.deployment.events", "ml.deployment.refusals")
_WAIT_S = 60


@dataclass(frozen=True)
class Answer:
    """A fact or a refusal, once: as (source, id) tell."""

    type: str
    data: dict[str, Any]
    sequence: int

    @property
    def code(self) -> str:
        """A refusal's code; a fact has none."""
        return self.data.get("code", "")


@dataclass
class Neighbours:
    """`answers` in the order in which they were read."""

    registry: AIOKafkaProducer
    upstream: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)

    async def state(self, fact: Event, *, sequence: int = 1) -> None:
        """Publish a fact as the registry."""
        headers = _headers(fact.event_type, fact.subject, "/services/registry", str(uuid4()))
        headers["ce_sequence"] = str(sequence)
        await _send(self.registry, fact.topics[0].name, fact, headers)

    async def ask(self, request: Event, *, request_id: str | None = None) -> str:
        """Send a request, with the id of an earlier one or its own; its id."""
        request_id = request_id or str(uuid4())
        headers = _headers(request.event_type, request.subject, "/upstream/test", request_id)
        await _send(self.upstream, request.topics[0].name, request, headers)
        return request_id

    async def asked(self, request: Event) -> Answer:
        """Ask and wait for the answer."""
        return await self.answer(await self.ask(request))

    async def answer(self, request_id: str) -> Answer:
        await self.until(lambda: bool(self.to(request_id)))
        return self.to(request_id)[0]

    def to(self, request_id: str) -> list[Answer]:
        """All distinct answers so far to a request."""
        return [each for each in self.answers.values() if each.data["request_id"] == request_id]

    async def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _WAIT_S
        while not holds():
            assert time.monotonic() < deadline, "no answer within its time"
            await self._read()

    async def _read(self) -> None:
        for records in (await self.consumer.getmany(timeout_ms=200)).values():
            for record in records:
                headers = {name: value.decode() for name, value in record.headers}
                answer = Answer(headers["ce_type"], json.loads(record.value), int(headers["ce_sequence"]))
                self.answers.setdefault((headers["ce_source"], headers["ce_id"]), answer)

    async def stop(self) -> None:
        for each in (self.registry, self.upstream, self.consumer):
            await each.stop()


async def connected(settings: Callable[[str], KafkaSettings]) -> Neighbours:
    """Reads from now on."""
    registry = AIOKafkaProducer(acks="all", **client_options(settings("registry")))
    upstream = AIOKafkaProducer(acks="all", **client_options(settings("upstream")))
    consumer = AIOKafkaConsumer(*ANSWERS, auto_offset_reset="latest", **client_options(settings("upstream")))
    for each in (registry, upstream, consumer):
        await each.start()
    for partition in consumer.assignment():
        await consumer.position(partition)
    return Neighbours(registry, upstream, consumer)


def _headers(ce_type: str, subject: str, source: str, ce_id: str) -> dict[str, str]:
    return {
        "ce_specversion": "1.0",
        "ce_id": ce_id,
        "ce_source": source,
        "ce_type": ce_type,
        "ce_subject": subject,
        "content-type": "application/json",
    }


async def _send(producer: AIOKafkaProducer, topic: str, event: Event, headers: dict[str, str]) -> None:
    pairs = [(name, text.encode()) for name, text in headers.items()]
    await producer.send_and_wait(topic, event.to_json(), key=event.subject.encode(), headers=pairs)
