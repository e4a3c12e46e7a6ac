"""What the broker itself refuses."""

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from chassis.bus.connection import client_options
from chassis.bus.dead_letters import DeadLetter
from chassis.bus.producer import KafkaPublisher
from chassis.errors import Unpublishable
from schemas.topics import DEAD_LETTER_MAX_BYTES, REQUEST_MAX_BYTES


async def test_a_request_over_the_limit_is_refused_where_it_is_produced(kafka):
    producer = AIOKafkaProducer(
        **client_options(kafka.settings("upstream")), acks="all", max_request_size=4 * REQUEST_MAX_BYTES
    )
    await producer.start()
    try:
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait("ml.model.requests", b" " * (REQUEST_MAX_BYTES + 1), b"demand")
        await producer.send_and_wait("ml.model.requests", b" " * (REQUEST_MAX_BYTES - 4096), b"demand")
    finally:
        await producer.stop()


async def test_an_event_over_the_limit_is_told_apart_from_a_bus_that_is_away(kafka):
    publisher = KafkaPublisher(kafka.settings("registry"))
    small, large = (
        DeadLetter(topic="ml.registry.dlq", key=b"demand", value=b" " * size, headers=(("x", b"1"),))
        for size in (10, DEAD_LETTER_MAX_BYTES + 1)
    )
    try:
        with pytest.raises(Unpublishable):
            await publisher.publish([small, large])
        await publisher.publish([small])
    finally:
        await publisher.stop()
