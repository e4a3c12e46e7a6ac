"""A sender that never gives up: sends until the bus has it, and listens until it is answered, whatever goes down."""

import asyncio
import json
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any, Final, Self
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from chassis.tasks import end
from schemas.topics import TOPICS
from tests.chaos.collecting import kafka_client
from tests.chaos.history import Position, Record, Sent

SOURCE: Final = "/upstream/chaos"
ANSWER_S: Final = 300.0
_PAUSE_S: Final = 0.5
_SEND_S: Final = 15.0
_DEAF_S: Final = 15.0
_HEARD: Final = tuple(t.name for t in TOPICS if t.name.endswith((".events", ".refusals")))


class Sender:
    """Remembers what it sent. Of its repeats some are its own doing: an acknowledgement that never came."""

    def __init__(self, connections: Mapping[str, Any]) -> None:
        self._client = kafka_client(connections, "upstream")
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._positions: dict[TopicPartition, int] = {}
        self._news = asyncio.Condition()
        self._listening: asyncio.Task[None] | None = None
        self._answers: dict[str, Record] = {}
        self._ends: dict[str, Record] = {}
        self.sent: dict[str, Sent] = {}

    async def __aenter__(self) -> Self:
        self._positions = await self._ends_now()
        self._listening = asyncio.create_task(self._listen())
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        if self._listening is not None:
            await end(self._listening)
        await self._forget_producer(self._producer)

    async def ask(self, kind: str, subject: str, data: Mapping[str, Any], *expects: str, times: int = 1) -> Record:
        """Send a request, the same one `times` times, and wait for its answer.

        Raises:
            TimeoutError: there was none in five minutes.
        """
        request_id = str(uuid4())
        topic = topic_of(kind)
        self.sent[request_id] = Sent(
            kind=kind,
            topic=topic,
            subject=subject,
            request_id=request_id,
            source=SOURCE,
            expects=expects,
            sent_at=time.monotonic(),
        )
        for _ in range(times):
            await self._send(request_id, json.dumps(data).encode(), attributes(kind, subject, request_id))
        answer = await self._wait_for(self._answers, request_id)
        self.sent[request_id] = replace(self.sent[request_id], answered_at=time.monotonic())
        return answer

    async def tell(self, kind: str, subject: str, data: Mapping[str, Any], *expects: str) -> None:
        """Send an observation, which isn't answered unless it is refused."""
        request_id, topic = str(uuid4()), topic_of(kind)
        self.sent[request_id] = Sent(
            kind=kind, topic=topic, subject=subject, request_id=request_id, source=SOURCE, expects=expects
        )
        await self._send(request_id, json.dumps(data).encode(), attributes(kind, subject, request_id))

    async def tell_nonsense(self, topic: str, value: bytes, headers: Mapping[str, str]) -> None:
        """Send what nobody can read."""
        subject = f"broken-{uuid4().hex}"
        self.sent[subject] = Sent(
            kind="(broken)", topic=topic, subject=subject, request_id=subject, source=SOURCE, is_broken=True
        )
        await self._send(subject, value, {"ce_id": subject, "ce_source": SOURCE, **headers})

    async def end_of(self, execution_id: str) -> Record:
        """The end of an execution. Raises: TimeoutError."""
        return await self._wait_for(self._ends, execution_id)

    async def _send(self, name: str, value: bytes, headers: Mapping[str, str]) -> None:
        sent = self.sent[name]
        pairs = [(key, text.encode()) for key, text in headers.items()]
        producer: AIOKafkaProducer | None = None
        while True:
            try:
                async with asyncio.timeout(_SEND_S):
                    producer = await self._running_producer()
                    done = await producer.send_and_wait(sent.topic, value, key=sent.subject.encode(), headers=pairs)
            except (KafkaError, OSError, TimeoutError, asyncio.CancelledError):
                if (task := asyncio.current_task()) and task.cancelling():
                    raise
                # Also what another task's farewell to the same producer has cancelled.
                await self._forget_producer(producer)
                await asyncio.sleep(_PAUSE_S)
                continue
            where = Position(done.topic, done.partition, done.offset)
            self.sent[name] = replace(self.sent[name], positions=(*self.sent[name].positions, where))
            return

    async def _running_producer(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                producer = AIOKafkaProducer(**self._client, acks="all", request_timeout_ms=10_000)
                try:
                    await producer.start()
                except BaseException:
                    await producer.stop()
                    raise
                self._producer = producer
            return self._producer

    async def _forget_producer(self, producer: AIOKafkaProducer | None) -> None:
        """Make a new one the next time, unless somebody has done so already."""
        if producer is not None and producer is self._producer:
            self._producer = None
            with suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(_SEND_S):
                    await producer.stop()

    async def _wait_for(self, where: Mapping[str, Record], name: str) -> Record:
        async with asyncio.timeout(ANSWER_S), self._news:
            await self._news.wait_for(lambda: name in where or self._is_deaf())
        if self._listening is not None and self._is_deaf():
            self._listening.result()
        return where[name]

    def _is_deaf(self) -> bool:
        """The listener has ended, which only a mistake of its own makes it do."""
        return self._listening is None or self._listening.done()

    async def _ends_now(self) -> dict[TopicPartition, int]:
        consumer = AIOKafkaConsumer(*_HEARD, **self._client)
        await consumer.start()
        try:
            return dict(await consumer.end_offsets(list(consumer.assignment())))
        finally:
            await consumer.stop()

    async def _listen(self) -> None:
        try:
            while True:
                try:
                    await self._listen_while_it_lasts()
                except (KafkaError, OSError, TimeoutError, asyncio.CancelledError):
                    if (task := asyncio.current_task()) and task.cancelling():
                        raise
                await asyncio.sleep(_PAUSE_S)
        finally:
            async with self._news:
                self._news.notify_all()

    async def _listen_while_it_lasts(self) -> None:
        """Until nothing has come for a while: a reader that lost its broker may stay deaf."""
        consumer = AIOKafkaConsumer(**self._client, request_timeout_ms=10_000)
        try:
            async with asyncio.timeout(_SEND_S):
                await consumer.start()
            consumer.assign(list(self._positions))
            for partition, offset in self._positions.items():
                consumer.seek(partition, offset)
            heard_at = time.monotonic()
            while time.monotonic() - heard_at < _DEAF_S:
                # Bounded from outside, too: a client that lost its broker's metadata doesn't keep to its own timeout.
                async with asyncio.timeout(_DEAF_S):
                    batches = await consumer.getmany(timeout_ms=300)
                for partition, batch in batches.items():
                    self._positions[partition] = batch[-1].offset + 1
                    await self._take(batch)
                    heard_at = time.monotonic()
        finally:
            async with asyncio.timeout(_SEND_S):
                await consumer.stop()

    async def _take(self, batch: Sequence[Any]) -> None:
        async with self._news:
            for each in batch:
                where = Position(each.topic, each.partition, each.offset)
                record = Record(where, each.timestamp, each.key, each.value, tuple(each.headers))
                if record.name == "ExecutionFinished":
                    self._ends.setdefault(record.subject, record)
                elif record.name != "ModelUpdated" or self._asked_for_update(record):
                    self._answers.setdefault(str(record.data.get("request_id")), record)
            self._news.notify_all()

    def _asked_for_update(self, record: Record) -> bool:
        sent = self.sent.get(str(record.data.get("request_id")))
        return sent is not None and sent.kind == "ModelUpdateRequested"


def topic_of(kind: str) -> str:
    """Where messages of this kind go."""
    if kind.endswith("Observed"):
        return "ml.metric.observations"
    prefixes = {"Model": "model", "Version": "model", "Dataset": "dataset", "Deployment": "deployment"}
    return f"ml.{next((prefixes[p] for p in prefixes if kind.startswith(p)), 'execution')}.requests"


def attributes(kind: str, subject: str, request_id: str) -> dict[str, str]:
    """The headers of an event in binary mode."""
    said = {"specversion": "1.0", "id": request_id, "source": SOURCE, "type": f"ml.{kind}.v1", "subject": subject}
    return {**{f"ce_{name}": text for name, text in said.items()}, "content-type": "application/json"}
