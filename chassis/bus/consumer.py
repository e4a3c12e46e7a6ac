"""FastStream's subscribers, with acknowledgement, order and failure in our hands.

FastStream starts and stops the consumers and hands over raw records. What its policies would do by themselves
(decode by header, reply, commit, seek) is switched off: each of them loses or repeats records somewhere.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError
from faststream import AckPolicy
from faststream.kafka import KafkaBroker
from faststream.kafka.message import KafkaMessage
from faststream.security import BaseSecurity, SASLScram512

from chassis.bus.assignment import Assignment
from chassis.bus.batch import BatchLine
from chassis.bus.line import Line, Outcome
from chassis.bus.record import KafkaRecord
from chassis.bus.unpacking import read_whatever_comes
from chassis.clock import Clock
from chassis.crash_points import CrashPoint, crash_points
from chassis.errors import BusUnavailable
from chassis.settings import KafkaSettings

log = structlog.get_logger(__name__)

_PUT_BACK_PAUSE_S = 0.2
_HEARTBEAT_MS = 1000
# What is done and not yet committed is done again after a crash: so much at most. A commit a record took the broker and
# this process as long as all else that they do for it.
_COMMIT_AFTER_S = 0.1
_COMMIT_AFTER_RECORDS = 100
_COMMIT_AGAIN_S = 1.0
_LAST_COMMIT_S = 5.0
_BATCH_RECORDS = 500
_BATCH_WAIT_MS = 200
# All of a batch is in memory at once, as objects that are some ten times the size of their JSON.
_BATCH_BYTES = 8 * 1024 * 1024


class _HasConsumer(Protocol):
    consumer: AIOKafkaConsumer | None


class Subscription:
    """One consumer group's reading of its topics: how many records were taken to their end, and where that is."""

    def __init__(self, *, group: str, topics: Sequence[str], assignment: Assignment) -> None:
        self.group = group
        self.topics = topics
        self.assignment = assignment
        self.handled = 0
        self.subscriber: _HasConsumer | None = None
        self._commit_due: asyncio.Task[None] | None = None
        self._commit_lock = asyncio.Lock()
        self._uncommitted_records = 0
        self._is_stopping = False

    @property
    def done(self) -> Mapping[TopicPartition, int]:
        """What follows the last record that was taken to its end, by partition, since that is this process's."""
        return self.assignment.done

    @property
    def consumer(self) -> AIOKafkaConsumer | None:
        """The running consumer; None before the start and after the stop."""
        return None if self.subscriber is None else self.subscriber.consumer

    async def settle(self, records: Sequence[KafkaRecord], outcome: Outcome) -> None:
        """Have what is done committed, soon; rewind to the first of `records` what isn't."""
        first: dict[TopicPartition, int] = {}
        following: dict[TopicPartition, int] = {}
        for record in records:
            partition = TopicPartition(record.topic, record.partition)
            # A partition that has gone is read elsewhere from the last commit: readers ignore repeats.
            if partition in self.assignment.held:
                first.setdefault(partition, record.offset)
                following[partition] = record.offset + 1
        consumer = self.consumer
        if consumer is None or not following:
            return
        if outcome is Outcome.PUT_BACK:
            await _rewind(consumer, first)
            return
        self.handled += len(records)
        crash_points.passing(CrashPoint.HANDLED)
        self.assignment.uncommitted |= following
        self._uncommitted_records += len(records)
        if self._is_stopping or self._uncommitted_records >= _COMMIT_AFTER_RECORDS:
            await self._commit_all()
        elif self._commit_due is None or self._commit_due.done():
            self._commit_due = asyncio.create_task(self._commit_soon())

    async def prepare_to_stop(self) -> None:
        """Commit, and from now on each record at once: the consumer may close right after it."""
        self._is_stopping = True
        with suppress(TimeoutError):
            async with asyncio.timeout(_LAST_COMMIT_S):
                await self._commit_all()

    async def _commit_soon(self) -> None:
        await asyncio.sleep(_COMMIT_AFTER_S)
        while not await self._commit_all():  # noqa: ASYNC110 - what it waits for is the broker
            await asyncio.sleep(_COMMIT_AGAIN_S)

    async def _commit_all(self) -> bool:
        """False when some of it has to be tried again."""
        async with self._commit_lock:
            following, self._uncommitted_records = self.assignment.take_uncommitted(), 0
            consumer, stays = self.consumer, {each: self.assignment.stays(each) for each in following}
            if not following or consumer is None or await self._commit(consumer, following):
                return True
            # What went to others is theirs to commit; of the rest no other record may come to take this one along.
            ours = {each: offset for each, offset in following.items() if stays[each]()}
            self.assignment.uncommitted = ours | self.assignment.uncommitted
            return not ours

    async def _commit(self, consumer: AIOKafkaConsumer, following: Mapping[TopicPartition, int]) -> bool:
        try:
            await consumer.commit(dict(following))
        except KafkaError as error:
            # They went while we asked, or the broker did: what comes twice is ignored.
            log.warning("commit_failed", group=self.group, reason=type(error).__name__)
            return False
        self.assignment.done |= following
        return True


class Consumers:
    """All subscriptions of a service, on one broker object."""

    def __init__(self, settings: KafkaSettings, *, service: str, clock: Clock) -> None:
        self._settings = settings
        self._service = service
        self._clock = clock
        self.subscriptions: list[Subscription] = []
        read_whatever_comes()
        self._broker = KafkaBroker(
            settings.bootstrap_servers.split(","),
            client_id=service,
            security=_security(settings),
            consumer_only=True,
            allow_auto_create_topics=False,
            apply_types=False,
            graceful_timeout=20,
            logger=None,
        )

    def read(self, lines: Mapping[str, Line], *, suffix: str = "") -> Subscription:
        """Read the topics of `lines` one record at a time, as group `<service>[.<suffix>]`."""
        subscription = self._subscription(list(lines), suffix)

        async def on_record(message: KafkaMessage) -> None:
            record = message.raw_message
            if not isinstance(record, ConsumerRecord):
                return
            outcome = await taken(lines[record.topic].handle(record, _is_live(subscription, record)))
            await subscription.settle([record], outcome)

        subscriber = self._broker.subscriber(*subscription.topics, **self._options(subscription))
        subscriber(on_record, parser=_raw, decoder=_itself)
        subscription.subscriber = subscriber
        return subscription

    def read_batches(self, batch: BatchLine, *, suffix: str = "") -> Subscription:
        """Read the topics of `batch` in batches, as group `<service>[.<suffix>]`."""
        subscription = self._subscription(batch.topics, suffix)

        async def on_batch(message: KafkaMessage) -> None:
            records = message.raw_message if isinstance(message.raw_message, tuple) else (message.raw_message,)
            outcome = await taken(batch.handle(records, lambda record: _is_live(subscription, record)))
            await subscription.settle(records, outcome)

        subscriber = self._broker.subscriber(
            *subscription.topics,
            batch=True,
            max_records=_BATCH_RECORDS,
            batch_timeout_ms=_BATCH_WAIT_MS,
            fetch_max_bytes=_BATCH_BYTES,
            **self._options(subscription),
        )
        subscriber(on_batch, parser=_raw, decoder=_itself)
        subscription.subscriber = subscriber
        return subscription

    async def start(self) -> None:
        """Connect and begin to read.

        Raises:
            BusUnavailable: nothing has been started.
        """
        try:
            await self._broker.start()
        except (KafkaError, OSError) as error:
            await self._broker.stop()
            raise BusUnavailable(type(error).__name__) from error
        for subscription in self.subscriptions:
            if subscription.consumer is not None:
                subscription.assignment.watch(subscription.consumer)

    async def stop(self) -> None:
        """Take nothing more, finish what is in hand, commit, leave."""
        await asyncio.gather(*(each.prepare_to_stop() for each in self.subscriptions))
        await self._broker.stop()

    def group_of(self, suffix: str) -> str:
        """The consumer group of a subscription."""
        return f"{self._service}.{suffix}" if suffix else self._service

    def _subscription(self, topics: Sequence[str], suffix: str) -> Subscription:
        group = self.group_of(suffix)
        assignment = Assignment(self._clock, session_timeout_s=self._settings.session_timeout_ms / 1000)
        subscription = Subscription(group=group, topics=topics, assignment=assignment)
        self.subscriptions.append(subscription)
        return subscription

    def _options(self, subscription: Subscription) -> dict[str, Any]:
        return {
            "group_id": subscription.group,
            "auto_offset_reset": "earliest",
            "ack_policy": AckPolicy.MANUAL,
            "no_reply": True,
            "listener": subscription.assignment,
            "session_timeout_ms": self._settings.session_timeout_ms,
            # Whoever stays learns by a heartbeat that somebody has left or come: until then partitions are nobody's.
            "heartbeat_interval_ms": _HEARTBEAT_MS,
            "max_poll_interval_ms": self._settings.max_poll_interval_ms,
            "max_partition_fetch_bytes": 4 * 1024 * 1024,
            "fetch_max_wait_ms": 100,
        }


async def taken(handling: Awaitable[Outcome]) -> Outcome:
    """How `handling` ended. FastStream swallows what it raises, and the next commit would pass the record."""
    try:
        return await handling
    except Exception:  # Nothing is lost for what nobody thought of.
        log.exception("bus_failed")
        return Outcome.PUT_BACK


async def _rewind(consumer: AIOKafkaConsumer, first: Mapping[TopicPartition, int]) -> None:
    for partition, offset in first.items():
        try:
            consumer.seek(partition, offset)
        except IllegalStateError:
            continue  # It has gone; the others still have to be read again.
    # Seek re-reads at once: without the pause the partition spins.
    await asyncio.sleep(_PUT_BACK_PAUSE_S)


def _is_live(subscription: Subscription, record: KafkaRecord) -> Callable[[], bool]:
    return subscription.assignment.lives(TopicPartition(record.topic, record.partition))


async def _raw(record: KafkaRecord | tuple[KafkaRecord, ...]) -> KafkaMessage:
    # FastStream's own parser decodes headers, and a record whose headers aren't UTF-8 would be lost in it.
    return KafkaMessage(raw_message=record, body=b"", consumer=_NoConsumer())


async def _itself(message: KafkaMessage) -> KafkaMessage:
    return message


class _NoConsumer:
    """FastStream's acknowledgement goes nowhere: `Subscription.settle` does it."""

    async def commit(self) -> None:
        return

    def seek(self, partition: TopicPartition, offset: int) -> None:
        _ = (partition, offset)


def _security(settings: KafkaSettings) -> BaseSecurity:
    context = (
        ssl.create_default_context(cafile=settings.ssl_cafile) if settings.security_protocol.endswith("SSL") else None
    )
    if settings.security_protocol.startswith("SASL"):
        return SASLScram512(settings.username, settings.password.get_secret_value(), ssl_context=context)
    return BaseSecurity(ssl_context=context)
