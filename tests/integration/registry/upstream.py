"""An upstream system: asks on the bus, reads all answers, counts them."""

import asyncio
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from chassis.settings import KafkaSettings

ANSWERS = ("ml.model.events", "ml.model.refusals", "ml.dataset.events", "ml.dataset.refusals")
_WAIT_S = 60


@dataclass(frozen=True)
class Answer:
    """A fact or a refusal, once: as (source, id) tell."""

    type: str
    data: dict[str, Any]
    headers: dict[str, str]

    @property
    def code(self) -> str:
        """A refusal's code; a fact has none."""
        return self.data.get("code", "")


@dataclass
class Upstream:
    """What stands on the answering topics, in the order in which it was read."""

    producer: AIOKafkaProducer
    consumer: AIOKafkaConsumer
    answers: dict[tuple[str, str], Answer] = field(default_factory=dict)

    async def ask(self, name: str, body: dict[str, Any], *, request_id: str | None = None) -> str:
        """Send a request, with the id of an earlier one or its own; its id."""
        kind = "dataset" if "dataset_id" in body else "model"
        subject = body[f"{kind}_id"]
        request_id = request_id or str(uuid4())
        headers = {
            "ce_specversion": "1.0",
            "ce_id": request_id,
            "ce_source": "/upstream/test",
            "ce_type": f"ml.{name}.v1",
            "ce_subject": subject,
            "content-type": "application/json",
        }
        await self.producer.send_and_wait(
            f"ml.{kind}.requests",
            json.dumps(body).encode(),
            key=subject.encode(),
            headers=[(name, text.encode()) for name, text in headers.items()],
        )
        return request_id

    async def answer(self, request_id: str) -> Answer:
        """The first answer to a request."""
        await self.until(lambda: bool(self.to(request_id)))
        return self.to(request_id)[0]

    async def asked(self, name: str, body: dict[str, Any]) -> Answer:
        """Ask and wait for the answer."""
        return await self.answer(await self.ask(name, body))

    def to(self, request_id: str) -> list[Answer]:
        """All distinct answers so far to a request; a `ModelUpdated` beside one comes after it."""
        return [each for each in self.answers.values() if each.data.get("request_id") == request_id]

    async def until(self, holds: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _WAIT_S
        while not holds():
            assert time.monotonic() < deadline, "no answer within its time"
            await self._read(timeout_ms=200)

    async def settle(self, quiet_s: float = 3.0) -> None:
        """Read until nothing more has come for a while."""
        while await self._read(timeout_ms=int(quiet_s * 1000)):
            await asyncio.sleep(0)

    async def _read(self, *, timeout_ms: int) -> int:
        batches = await self.consumer.getmany(timeout_ms=timeout_ms)
        records = [record for batch in batches.values() for record in batch]
        for record in records:
            headers = {name: value.decode() for name, value in record.headers}
            answer = Answer(headers["ce_type"], json.loads(record.value), headers)
            self.answers.setdefault((headers["ce_source"], headers["ce_id"]), answer)
        return len(records)


async def connected(settings: KafkaSettings) -> Upstream:
    """Reads from now on."""
    options = {
        "bootstrap_servers": settings.bootstrap_servers,
        "security_protocol": settings.security_protocol,
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.username,
        "sasl_plain_password": settings.password.get_secret_value(),
    }
    producer = AIOKafkaProducer(acks="all", **options)
    consumer = AIOKafkaConsumer(*ANSWERS, group_id=None, auto_offset_reset="latest", **options)
    await producer.start()
    await consumer.start()
    for partition in consumer.assignment():
        await consumer.position(partition)
    return Upstream(producer, consumer)
