"""Whoever stands outside a service: writes to the bus as any principal, and reads what the service says."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from chassis.bus.connection import client_options
from schemas.event import Event
from tests.integration.kafka import KafkaServer

PATIENCE_S = 60.0


@dataclass(frozen=True)
class Said:
    """A record of the bus; what it says as an event is read when somebody asks."""

    record: ConsumerRecord

    @cached_property
    def headers(self) -> dict[str, str]:
        return {name: value.decode() for name, value in self.record.headers}

    @cached_property
    def data(self) -> dict[str, Any]:
        return json.loads(self.record.value)

    @property
    def topic(self) -> str:
        return self.record.topic

    @property
    def key(self) -> str:
        return self.record.key.decode()

    @property
    def type(self) -> str:
        return self.headers["ce_type"]

    @property
    def name(self) -> str:
        """`ModelRegistered` of `ml.ModelRegistered.v1`."""
        return self.type.split(".")[1]

    @property
    def sequence(self) -> int:
        return int(self.headers["ce_sequence"])

    @property
    def code(self) -> str:
        """A refusal's code; a fact has none."""
        return self.data.get("code", "")

    @property
    def is_dead_letter(self) -> bool:
        return self.topic.endswith(".dlq")

    @property
    def identity(self) -> tuple[object, ...]:
        """What two deliveries of one event have in common; a dead letter is an event of its own."""
        if self.is_dead_letter:
            return self.topic, self.record.partition, self.record.offset
        return self.headers["ce_source"], self.headers["ce_id"]

    def answers(self, request_id: str) -> bool:
        """Whether this is the answer to a request, or was said beside it."""
        return (
            not self.is_dead_letter
            and self.name != "ExecutionFinished"  # It only repeats the request that was answered long before.
            and self.data.get("request_id") == request_id
        )


def attributes(event_type: str, subject: str, **others: str) -> dict[str, str]:
    """The headers of an event in binary mode; `others` replace or add."""
    said = {"specversion": "1.0", "id": str(uuid4()), "source": "/upstream/test", "type": event_type}
    named = {f"ce_{name}": value for name, value in {**said, "subject": subject, **others}.items()}
    return {**named, "content-type": "application/json"}


class Outsider:
    """Writes as the principals named, and reads whatever is said on `topics` from its start on."""

    def __init__(self, kafka: KafkaServer, *topics: str, principals: Sequence[str] = ("upstream",)) -> None:
        self._producers = {
            each: AIOKafkaProducer(**client_options(kafka.settings(each)), acks="all") for each in principals
        }
        self._consumer = AIOKafkaConsumer(
            *topics, **client_options(kafka.settings("operator")), auto_offset_reset="latest", fetch_max_wait_ms=50
        )
        self.seen: list[Said] = []

    async def __aenter__(self) -> Self:
        for client in (*self._producers.values(), self._consumer):
            await client.start()
        for partition in self._consumer.assignment():
            await self._consumer.position(partition)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        for client in (*self._producers.values(), self._consumer):
            await client.stop()

    async def write(
        self, topic: str, value: bytes, *, key: str, headers: Mapping[str, str], principal: str = "upstream"
    ) -> None:
        pairs = [(name, text.encode()) for name, text in headers.items()]
        await self._producers[principal].send_and_wait(topic, value, key=key.encode(), headers=pairs)

    async def ask(self, request: Event, *, request_id: str | None = None) -> str:
        """Send a request, with the id of an earlier one or its own; its id."""
        headers = attributes(request.event_type, request.subject, id=request_id or str(uuid4()))
        await self.write(request.topics[0].name, request.to_json(), key=request.subject, headers=headers)
        return headers["ce_id"]

    async def asked(self, request: Event) -> Said:
        """Ask and wait for the answer."""
        return await self.answer(await self.ask(request))

    async def state(self, principal: str, fact: Event, *, sequence: int = 1) -> None:
        """Publish a fact as the service that owns it."""
        source = f"/services/{principal}"
        headers = attributes(fact.event_type, fact.subject, source=source, sequence=str(sequence))
        await self.write(fact.topics[0].name, fact.to_json(), key=fact.subject, headers=headers, principal=principal)

    async def answer(self, request_id: str, *, seconds: float = PATIENCE_S) -> Said:
        """The first answer to a request."""
        return (await self.hear(lambda each: each.answers(request_id), seconds=seconds))[0]

    def to(self, request_id: str) -> list[Said]:
        """All distinct answers so far to a request; what is said beside one comes after it."""
        return self.find(lambda each: each.answers(request_id))

    def find(self, wanted: Callable[[Said], bool]) -> list[Said]:
        """What was read so far and is wanted, each event once, in the order in which it came."""
        found: dict[tuple[object, ...], Said] = {}
        for each in filter(wanted, self.seen):
            found.setdefault(each.identity, each)
        return list(found.values())

    async def hear(self, wanted: Callable[[Said], bool], count: int = 1, *, seconds: float = PATIENCE_S) -> list[Said]:
        """What is wanted, once there is so much of it."""
        await self.until(lambda: len(self.find(wanted)) >= count, seconds=seconds)
        return self.find(wanted)

    async def until(self, holds: Callable[[], bool], *, seconds: float = PATIENCE_S) -> None:
        """Read until it holds."""
        async with asyncio.timeout(seconds):
            while not holds():
                await self.read(timeout_ms=200)

    async def settle(self, quiet_s: float = 1.5) -> None:
        """Read until nothing more has come for a while."""
        while await self.read(timeout_ms=int(quiet_s * 1000)):
            pass

    async def nothing_more(self, wanted: Callable[[Said], bool], count: int, *, seconds: float = 1.5) -> None:
        """Stay for a while and see that no more of them come, not even the same event again."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            await self.read(timeout_ms=100)
        assert len([each for each in self.seen if wanted(each)]) == count

    async def read(self, *, timeout_ms: int) -> int:
        batches = await self._consumer.getmany(timeout_ms=timeout_ms)
        records = [Said(record) for batch in batches.values() for record in batch]
        self.seen += records
        return len(records)
