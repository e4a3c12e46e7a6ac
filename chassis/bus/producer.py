"""Publishing: pipelined, in order, done when all in-sync replicas have it."""

import asyncio
from collections.abc import Iterable, Sequence
from typing import Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from chassis.bus.connection import client_options
from chassis.bus.envelope import Headers
from chassis.errors import BusUnavailable, Unpublishable
from chassis.settings import KafkaSettings
from chassis.telemetry import PUBLISHED
from schemas.topics import DEAD_LETTER_MAX_BYTES

log = structlog.get_logger(__name__)


class Record(Protocol):
    """What can be published."""

    @property
    def topic(self) -> str: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Headers: ...


class Publisher(Protocol):
    """The port of those who publish."""

    async def publish(self, records: Sequence[Record]) -> None:
        """Return when the bus has all of `records`, each topic's in the order given.

        Raises:
            BusUnavailable: some may be there, some not; sending all of them again is safe for readers.
            Unpublishable: at least one of them is too large; of the others some may be there, some not.
        """
        ...


class KafkaPublisher:
    """An idempotent producer that is thrown away and made anew when it gets stuck."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._stopping: set[asyncio.Task[None]] = set()

    async def publish(self, records: Sequence[Record]) -> None:
        producer = await self._started()
        try:
            await _send_all(producer, records)
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # The client, when it closes, cancels what it hasn't sent.
            self._discard(producer)
            raise BusUnavailable("the producer was closed") from error
        except KafkaError as error:
            # An idempotent producer that lost its sequence stays stuck (aiokafka#1017): never use it again.
            self._discard(producer)
            if isinstance(error, MessageSizeTooLargeError):
                raise Unpublishable("larger than its topic allows") from error
            raise BusUnavailable(type(error).__name__) from error
        for record in records:
            PUBLISHED.labels(record.topic).inc()

    async def stop(self) -> None:
        if self._producer is not None:
            self._discard(self._producer)
        await asyncio.gather(*self._stopping)

    async def _started(self) -> AIOKafkaProducer:
        async with self._starting:
            if self._producer is None:
                self._producer = await self._start()
            return self._producer

    async def _start(self) -> AIOKafkaProducer:
        producer = AIOKafkaProducer(
            **client_options(self._settings),
            acks="all",
            enable_idempotence=True,
            request_timeout_ms=10_000,
            max_request_size=DEAD_LETTER_MAX_BYTES,
        )
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            await producer.stop()
            raise BusUnavailable(type(error).__name__) from error
        return producer

    def _discard(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
        # Others' records are still in it; it closes when each of them has been sent or has expired.
        stopping = asyncio.create_task(_stop(producer))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)


async def _stop(producer: AIOKafkaProducer) -> None:
    try:
        await producer.stop()
    except (KafkaError, OSError):
        log.warning("producer_stop_failed")


async def _send_all(producer: AIOKafkaProducer, records: Iterable[Record]) -> None:
    acknowledgements = [
        await producer.send(record.topic, value=record.value, key=record.key, headers=list(record.headers))
        for record in records
    ]
    await asyncio.gather(*acknowledgements)
