"""The relay alone: events that lie in the real store's outboxes, until all are on the real bus and pulled."""

import time
from collections.abc import AsyncGenerator, Awaitable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from pymongo import UpdateOne

from benchmarks.result import Result, Row
from benchmarks.store import address
from chassis.bus.delivery import Cause
from chassis.bus.outgoing import EventFactory, Outgoing
from chassis.bus.producer import KafkaPublisher
from chassis.clock import SystemClock, new_id
from chassis.documents.client import Collection, connect
from chassis.documents.relay import Relay
from chassis.settings import KafkaSettings, MongoSettings
from examples.grocery.stack import Kafka, read_stack
from infra.embedded.layout import CHECKOUT
from schemas.models import ModelChanges, ModelUpdated
from schemas.topics import FACT_MAX_BYTES

EVENTS = 3000
_AT_ONCE = 100
_PARTITIONS = 4
_TOPIC: Final = f"bench-relay-{new_id()}"


async def run() -> Result:
    """As many documents as events, and one relay that reads each outbox; then each half of its work alone."""
    kafka = read_stack(CHECKOUT / ".run" / "stack.json").kafka
    async with _topic(kafka), _collection() as collection:
        publisher = KafkaPublisher(_settings(kafka))
        try:
            outboxes = [_outbox() for _ in range(EVENTS)]
            await _publish(publisher, outboxes[:_AT_ONCE])  # connected, and warm
            whole = await _relayed(collection, publisher, outboxes)
            await _ensure_there(kafka, EVENTS + _AT_ONCE)
            bus = await _timed(_publish(publisher, outboxes))
            await _fill(collection, outboxes)
            store = await _timed(_take_off(collection))
        finally:
            await publisher.stop()
    alone = bus + store
    rows = [
        Row("the relay", EVENTS / whole, "events/s", alone / whole, "bus and store, each alone, one after the other"),
        Row("publishing alone", EVENTS / bus, "events/s"),
        Row("taking off alone", EVENTS / store, "documents/s"),
    ]
    return Result("relay", "From outboxes to the bus", rows, {"events": EVENTS, "at_once": _AT_ONCE})


async def _relayed(collection: Collection, publisher: KafkaPublisher, outboxes: Sequence[Outgoing]) -> float:
    """The seconds that one relay took for all of them."""
    relay = Relay(publisher, SystemClock())
    relay.serve(collection)
    await relay.prepare()
    await _fill(collection, outboxes)
    for number in range(len(outboxes)):
        relay.wake(collection, str(number))
    taken = await _timed(relay.drain())
    if left := await collection.count_documents({"_outbox": {"$ne": []}}):
        raise RuntimeError(f"{left} outboxes aren't empty")
    return taken


async def _fill(collection: Collection, outboxes: Sequence[Outgoing]) -> None:
    now = datetime.now(UTC)
    await collection.delete_many({})
    await collection.insert_many(
        {"_id": str(number), "_outbox": [outgoing.to_document()], "_outbox_since": now}
        for number, outgoing in enumerate(outboxes)
    )


async def _publish(publisher: KafkaPublisher, outboxes: Sequence[Outgoing]) -> None:
    for start in range(0, len(outboxes), _AT_ONCE):
        await publisher.publish(outboxes[start : start + _AT_ONCE])


async def _take_off(collection: Collection) -> None:
    """As many writes, of the same two fields, in as many commands."""
    change = {"$set": {"_outbox": []}, "$unset": {"_outbox_since": ""}}
    for start in range(0, EVENTS, _AT_ONCE):
        await collection.bulk_write([UpdateOne({"_id": str(start + each)}, change) for each in range(_AT_ONCE)])


async def _ensure_there(kafka: Kafka, events: int) -> None:
    async with AIOKafkaConsumer(**kafka.client("operator")) as consumer:
        ends = await consumer.end_offsets([TopicPartition(_TOPIC, each) for each in range(_PARTITIONS)])
    if sum(ends.values()) != events:
        raise RuntimeError(f"{sum(ends.values())} events are on the bus, not {events}")


async def _timed(work: Awaitable[None]) -> float:
    begun = time.monotonic()
    await work
    return time.monotonic() - begun


def _outbox() -> Outgoing:
    changes = ModelChanges(description="A description as long as those that people write, which is one sentence.")
    fact = ModelUpdated(model_id=f"bench-{new_id()}", changes=changes, updated_by="benchmark", request_id=new_id())
    factory = EventFactory(source="/services/registry", clock=SystemClock(), new_id=new_id)
    made = factory.make(fact, Cause(event_id=new_id(), correlation_id=new_id()), sequence=1)
    return Outgoing(envelope=made.envelope, topic=_TOPIC, value=made.value)


@asynccontextmanager
async def _collection() -> AsyncGenerator[Collection]:
    async with connect(MongoSettings(url=address())) as client:
        collection = client["benchmarks"]["outboxes"]
        await collection.drop()
        yield collection
        await collection.drop()


@asynccontextmanager
async def _topic(kafka: Kafka) -> AsyncGenerator[None]:
    """A topic of the benchmark's own: nobody is to take its events for facts."""
    admin = AIOKafkaAdminClient(**kafka.client("operator"))
    await admin.start()
    try:
        limits = {"max.message.bytes": str(FACT_MAX_BYTES)}
        await admin.create_topics([NewTopic(_TOPIC, _PARTITIONS, 1, topic_configs=limits)])
        yield
        await admin.delete_topics([_TOPIC])
    finally:
        await admin.close()


def _settings(kafka: Kafka) -> KafkaSettings:
    client = kafka.client("operator")
    return KafkaSettings(
        bootstrap_servers=client["bootstrap_servers"],
        security_protocol=client["security_protocol"],
        username=client["sasl_plain_username"],
        password=client["sasl_plain_password"],
    )
