"""What the broker itself refuses."""

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.errors import MessageSizeTooLargeError

from chassis.bus.connection import client_options
from schemas.topics import REQUEST_MAX_BYTES


async def test_a_request_over_the_limit_is_refused_where_it_is_produced(kafka):
    producer = AIOKafkaProducer(**client_options(kafka.settings("upstream")), max_request_size=4 * REQUEST_MAX_BYTES)
    await producer.start()
    try:
        with pytest.raises(MessageSizeTooLargeError):
            await producer.send_and_wait("ml.model.requests", b" " * (REQUEST_MAX_BYTES + 1), b"demand")
        await producer.send_and_wait("ml.model.requests", b" " * (REQUEST_MAX_BYTES - 4096), b"demand")
    finally:
        await producer.stop()
