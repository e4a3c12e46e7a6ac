"""A topic that takes nothing, or doesn't answer, keeps its own events; all others leave as ever."""

import asyncio
import time
from contextlib import contextmanager
from unittest.mock import patch

import pytest
from aiokafka.producer.sender import SendProduceReqHandler
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourcePatternType,
    ResourceType,
)
from structlog.testing import capture_logs

from chassis.bus.delivery import Cause
from chassis.bus.outgoing import EventFactory
from chassis.bus.producer import KafkaPublisher
from chassis.clock import SystemClock, new_id
from chassis.documents import relay as relaying
from chassis.errors import OutboxBehind, TopicForbidden, TopicUnknown
from schemas.models import ModelArchived

pytestmark = pytest.mark.timeout(180)

REFUSALS, FACTS = "ml.model.refusals", "ml.model.events"


@pytest.fixture
def admin(stack, kafka):
    return AdminClient(stack.connection("kafka").cluster.client_config())


@contextmanager
def forbidden(admin, topic):
    """The broker has lost the right of the registry to write here."""
    which = (ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:registry", "*")
    right = (AclOperation.WRITE, AclPermissionType.ALLOW)
    admin.delete_acls([AclBindingFilter(*which, *right)])
    _settled(admin.delete_acls([AclBindingFilter(*which, *right)]))
    try:
        yield
    finally:
        _settled(admin.create_acls([AclBinding(*which, *right)]))


@contextmanager
def configured(admin, topic, name, value, before):
    _alter(admin, topic, name, value)
    try:
        yield
    finally:
        _alter(admin, topic, name, before)


@contextmanager
def without_replicas(admin, topic):
    """Its replicas are away: Kafka's client, which is told to try again, does so for ever.

    One broker alone counts as all of a topic's replicas, so it is the client that is told here.
    """
    send = SendProduceReqHandler.do

    async def do(handler, node_id):
        away = {where: batch for where, batch in handler._batches.items() if where.topic == topic}
        handler._batches = {where: batch for where, batch in handler._batches.items() if where not in away}
        if handler._batches:
            await send(handler, node_id)
        await asyncio.sleep(handler._default_backoff)
        for batch in away.values():
            handler._sender._message_accumulator.reenqueue(batch)

    with patch.object(SendProduceReqHandler, "do", do):
        yield


def narrow(admin, topic):
    """It takes nothing of more than some bytes, and nobody has told us."""
    return configured(admin, topic, "max.message.bytes", "200", "1048576")


def _alter(admin, topic, name, value):
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    _settled(admin.incremental_alter_configs([ConfigResource("topic", topic, incremental_configs=[entry])]))


def _settled(futures):
    for future in futures.values():
        future.result(30)


@pytest.mark.parametrize(
    ("trouble", "code"),
    [(forbidden, "topic-forbidden"), (without_replicas, "bus-unavailable"), (narrow, "unpublishable")],
)
async def test_facts_leave_while_refusals_cannot_and_refusals_follow(
    counting, outsider, new_name, admin, monkeypatch, trouble, code
):
    monkeypatch.setattr(relaying, "_BEHIND_S", 8.0)
    with capture_logs() as said, trouble(admin, REFUSALS):
        refused = [await outsider.send(new_name(), description="unwanted") for _ in range(3)]
        await asyncio.sleep(1)
        for _ in range(5):
            begun = time.monotonic()
            await outsider.answer(await outsider.send(new_name(), description="fine"), seconds=5)
            assert time.monotonic() - begun < 5
            await asyncio.sleep(2)
        with pytest.raises(OutboxBehind) as told:
            await counting.service.relay.check()
        assert not any(outsider.to(each) for each in refused)

    for part in ("refusals", REFUSALS, code):
        assert part in str(told.value)
    errors = [each for each in said if each["event"] == "unpublishable_outbox"]
    assert len(errors) == (0 if code == "bus-unavailable" else 1)
    for each in refused:
        assert (await outsider.answer(each, seconds=60)).code == "unwanted"
    async with asyncio.timeout(30):
        while (await counting.service.health.report())["outboxes"]:
            await asyncio.sleep(0.2)


def event(topic):
    factory = EventFactory(source="/services/registry", clock=SystemClock(), new_id=new_id)
    fact = ModelArchived(model_id="demand", archived_by="x", request_id="1")
    made = factory.make(fact, Cause(event_id=None, correlation_id="1"), sequence=1)
    return type(made)(envelope=made.envelope, topic=topic, value=made.value)


async def test_a_topic_that_is_not_there_is_unknown_and_one_that_is_not_ours_forbidden(kafka):
    operator, registry = (KafkaPublisher(kafka.settings(each)) for each in ("operator", "registry"))
    try:
        with pytest.raises(TopicUnknown):
            await operator.publish([event("ml.nowhere.events")])
        with pytest.raises(TopicForbidden):
            await registry.publish([event("ml.deployment.events")])
        producer = registry._producer
        with pytest.raises(TopicForbidden):
            await registry.publish([event("ml.deployment.events")])
        await registry.publish([event(FACTS)])
        assert producer is None or registry._producer is producer
    finally:
        await operator.stop()
        await registry.stop()


async def test_dead_letters_that_cannot_be_kept_are_waited_for_and_told(counting, outsider, new_name, admin):
    model_id = new_name()
    with forbidden(admin, "ml.registry.dlq"):
        await outsider.raw(b"nonsense", model_id, {"ce_id": model_id})
        async with asyncio.timeout(20):
            while not (reason := (await counting.service.health.report())["dead letters"]):
                await asyncio.sleep(0.2)
    assert "ml.registry.dlq" in reason

    await outsider.hear(lambda each: each.is_dead_letter and each.key == model_id, seconds=90)
    assert (await counting.service.health.report())["dead letters"] is None
