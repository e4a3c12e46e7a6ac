"""Publishing: pipelined, in order, done when all in-sync replicas have it."""

import asyncio
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final, Protocol

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    KafkaError,
    KafkaTimeoutError,
    MessageSizeTooLargeError,
    ProducerClosed,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from chassis.bus.connection import client_options
from chassis.bus.envelope import Headers
from chassis.bus.kafka_errors import judged
from chassis.bus.reluctance import Reluctance
from chassis.errors import BusUnavailable, PlatformError, TopicUnavailable, TopicUnknown, Unpublishable
from chassis.settings import KafkaSettings
from chassis.telemetry import PUBLISHED
from schemas.topics import DEAD_LETTER_MAX_BYTES

log = structlog.get_logger(__name__)

_REQUEST_MS: Final = 10_000
_ANSWER_S: Final = 10.0
_START_S: Final = 15.0
_FLUSH_S: Final = 5.0
# Said by the client before it has numbered the record: its producer is as good as before.
_NOT_NUMBERED: Final = (MessageSizeTooLargeError, TopicAuthorizationFailedError, UnknownTopicOrPartitionError)


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
            TopicUnavailable: the same, where it is one topic that doesn't answer.
            Unpublishable: at least one of them will never be taken; of the others some may be there, some not.
            TopicRefuses: the same, where it is a topic that takes nothing.
        """
        ...


class _NotTaken(Exception):
    """`error` is what became of `record`; `is_numbered`: the producer has counted it among those it has sent."""

    def __init__(self, record: Record, error: KafkaError, *, is_numbered: bool) -> None:
        super().__init__(error)
        self.record, self.error, self.is_numbered = record, error, is_numbered


class KafkaPublisher:
    """An idempotent producer that is thrown away and made anew when it gets stuck.

    Topics don't wait for one another, and one that has refused isn't asked each time (`Reluctance`).
    """

    def __init__(self, settings: KafkaSettings, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._starting = asyncio.Lock()
        self._stopping: set[asyncio.Task[None]] = set()
        self._reluctance = Reluctance(monotonic)

    async def publish(self, records: Sequence[Record]) -> None:
        for record in records:
            self._reluctance.check(record.topic, _size_of(record))
        by_topic: dict[str, list[Record]] = {}
        for record in records:
            by_topic.setdefault(record.topic, []).append(record)
        if len(by_topic) == 1:
            await self._publish(*by_topic.popitem())
            return
        results = await asyncio.gather(*(self._publish(*each) for each in by_topic.items()), return_exceptions=True)
        failures = [each for each in results if each is not None]
        for failure in sorted(failures, key=lambda each: isinstance(each, Unpublishable)):
            raise failure

    async def stop(self) -> None:
        if self._producer is not None:
            self._discard(self._producer)
        await asyncio.gather(*self._stopping)

    async def _publish(self, topic: str, records: Sequence[Record]) -> None:
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
        except _NotTaken as failure:
            if failure.is_numbered or not isinstance(failure.error, _NOT_NUMBERED):
                # An idempotent producer that lost its sequence stays stuck (aiokafka#1017): never use it again.
                self._discard(producer)
            raise await self._judged(failure) from failure.error
        for record in records:
            self._reluctance.took(topic, _size_of(record))
        PUBLISHED.labels(topic).inc(len(records))

    async def _judged(self, failure: _NotTaken) -> PlatformError:
        topic, error = failure.record.topic, judged(failure.error, failure.record.topic)
        if isinstance(error, TopicUnavailable) and not await self._may_exist(topic):
            error = TopicUnknown(f"{topic}: there is no such topic, or it isn't ours to see")
        is_for_size = type(error) is Unpublishable
        self._reluctance.refused(topic, error, size=_size_of(failure.record) if is_for_size else 0)
        return error

    async def _may_exist(self, topic: str) -> bool:
        """False if the cluster answers, and has nothing of that name."""
        client = AIOKafkaClient(**client_options(self._settings), request_timeout_ms=_REQUEST_MS)
        try:
            await client.bootstrap()
            return topic in (await client.fetch_all_metadata()).topics()
        except (KafkaError, OSError):
            return True
        finally:
            await client.close()

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
            request_timeout_ms=_REQUEST_MS,
            max_request_size=DEAD_LETTER_MAX_BYTES,
        )
        try:
            async with asyncio.timeout(_START_S):
                await producer.start()
        except (KafkaError, OSError) as error:  # A timeout is an OSError.
            await producer.stop()
            raise BusUnavailable(type(error).__name__) from error
        return producer

    def _discard(self, producer: AIOKafkaProducer) -> None:
        if self._producer is producer:
            self._producer = None
        # Others' records are still in it.
        stopping = asyncio.create_task(_stop(producer))
        self._stopping.add(stopping)
        stopping.add_done_callback(self._stopping.discard)


def _size_of(record: Record) -> int:
    return DefaultRecordBatchBuilder.estimate_size_in_bytes(record.key, record.value, list(record.headers))


async def _stop(producer: AIOKafkaProducer) -> None:
    """Close it when each of its records has been sent, or soon: an idempotent one would try some for ever."""
    stopping = asyncio.create_task(producer.stop())
    await asyncio.wait((stopping,), timeout=_FLUSH_S)
    if not stopping.done():
        pending = producer._message_accumulator  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        pending.fail_all(KafkaTimeoutError())
        await asyncio.wait((stopping,), timeout=_FLUSH_S)
    if stopping.done() and not stopping.cancelled() and stopping.exception() is not None:
        log.warning("producer_stop_failed", reason=repr(stopping.exception()))


async def _send_all(producer: AIOKafkaProducer, records: Iterable[Record]) -> None:
    """Send them in order up to the first that isn't taken, and wait for all that were.

    Raises:
        _NotTaken: of the first that wasn't.
    """
    sent: list[tuple[Record, asyncio.Future[object]]] = []
    refused: Exception | None = None
    for record in records:
        try:
            answer = await producer.send(record.topic, value=record.value, key=record.key, headers=list(record.headers))
        except KafkaError as error:
            refused = _NotTaken(record, error, is_numbered=False)
            break
        except Exception as error:  # noqa: BLE001 - it is raised when those before it have been answered
            refused = error
            break
        answer.add_done_callback(_seen)
        sent.append((record, answer))
    if sent:
        await asyncio.wait([answer for _, answer in sent], timeout=_ANSWER_S)
    for record, answer in sent:
        failure = _failure(answer)
        if failure is not None:
            raise _NotTaken(record, failure, is_numbered=True)
    if refused is not None:
        raise refused


def _failure(answer: "asyncio.Future[object]") -> KafkaError | None:
    if not answer.done():
        return KafkaTimeoutError(f"no answer in {_ANSWER_S} s")
    if answer.cancelled():
        return ProducerClosed("the producer was closed")
    failure = answer.exception()
    return failure if failure is None or isinstance(failure, KafkaError) else KafkaError(repr(failure))


def _seen(answer: "asyncio.Future[object]") -> None:
    """What nobody waits for any more shall not complain of it."""
    if not answer.cancelled():
        answer.exception()
