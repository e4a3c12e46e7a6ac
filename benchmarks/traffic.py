"""A system outside that asks, and the time until it hears of it: what the benchmarks of the services share."""

import asyncio
import time
from collections.abc import Iterable
from types import TracebackType
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.structs import ConsumerRecord

from chassis.tasks import end
from examples.grocery.bus import PRINCIPAL
from examples.grocery.events import Message, read_message
from examples.grocery.stack import Kafka

_KINDS: Final = ("model", "dataset", "deployment", "execution")
_REQUESTS: Final = tuple(f"ml.{kind}.requests" for kind in _KINDS)
_FACTS: Final = tuple(f"ml.{kind}.events" for kind in _KINDS)
_REFUSALS: Final = tuple(f"ml.{kind}.refusals" for kind in _KINDS)


class Refused(RuntimeError):
    """A benchmark asks for nothing that could be refused."""


class Traffic:
    """Sends requests, and notes how long each took to be on its topic and to be answered by a fact, in milliseconds."""

    def __init__(self, kafka: Kafka) -> None:
        self._producer = AIOKafkaProducer(**kafka.client(PRINCIPAL), acks="all", enable_idempotence=True)
        # Only an operator may read both the requests and the facts, and one reader times them alike.
        self._consumer = AIOKafkaConsumer(
            *_REQUESTS, *_FACTS, *_REFUSALS, **kafka.client("operator"), fetch_max_wait_ms=20
        )
        self._reader: asyncio.Task[None] | None = None
        self._unheard: dict[str, float] = {}
        self._unanswered: dict[str, float] = {}
        self._through = asyncio.Event()
        self.heard_ms: list[float] = []
        self.answered_ms: list[float] = []

    async def __aenter__(self) -> Self:
        await self._producer.start()
        await self._consumer.start()
        await self._consumer.seek_to_end()
        for partition in self._consumer.assignment():
            await self._consumer.position(partition)
        self._reader = asyncio.create_task(self._read())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reader is not None:
            await end(self._reader)
        await self._consumer.stop()
        await self._producer.stop()

    @property
    def unanswered(self) -> int:
        return len(self._unanswered)

    async def at_once(self, requests: Iterable[Message], *, timeout_s: float) -> float:
        """Send all of them as fast as the bus takes them; the seconds from the first to the last answer."""
        begun = time.monotonic()
        for request in requests:
            await self.send(request)
        await self.answered(timeout_s=timeout_s)
        return time.monotonic() - begun

    async def paced(self, requests: Iterable[Message], rate_hz: float) -> None:
        """Send them at a steady rate, whether or not they are answered."""
        begun = time.monotonic()
        for number, request in enumerate(requests):
            await asyncio.sleep(max(0.0, begun + number / rate_hz - time.monotonic()))
            await self.send(request)

    async def send(self, request: Message) -> None:
        """Hand it to the producer, without waiting for the bus. Raises: Refused: an earlier one was."""
        if self._reader is not None and self._reader.done():
            self._reader.result()
        if request.topic in _REQUESTS:
            self._through.clear()
            self._unheard[request.id] = self._unanswered[request.id] = time.monotonic()
        await self._producer.send(request.topic, key=request.key, value=request.body(), headers=request.headers())

    async def answered(self, *, timeout_s: float) -> None:
        """Wait until every request has its answer.

        Raises:
            Refused: one was.
            TimeoutError: some have none.
        """
        if self._reader is None or not self._unanswered:
            return
        through = asyncio.create_task(self._through.wait())
        await asyncio.wait((through, self._reader), timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if self._reader.done():
            self._reader.result()
        await end(through)
        if through.cancelled():
            raise TimeoutError(f"{len(self._unanswered)} requests have no answer after {timeout_s:.0f} s")

    async def _read(self) -> None:
        async for record in self._consumer:
            self._note(record, time.monotonic())

    def _note(self, record: ConsumerRecord[Any, Any], now: float) -> None:
        message = read_message(record.topic, record.headers, record.value or b"{}")
        if record.topic in _REQUESTS:
            sent = self._unheard.pop(message.id, None)
            if sent is not None:
                self.heard_ms.append((now - sent) * 1000)
            return
        sent = self._unanswered.pop(str(message.data.get("request_id")), None)
        if sent is None:
            return
        if record.topic in _REFUSALS:
            raise Refused(f"{message.data['request_type']} of {message.data['subject']}: {message.data['code']}")
        self.answered_ms.append((now - sent) * 1000)
        if not self._unanswered:
            self._through.set()
