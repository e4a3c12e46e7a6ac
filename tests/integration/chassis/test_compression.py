"""Outsiders compress as they like."""

import json

import pytest
from aiokafka import AIOKafkaProducer

from chassis.bus.connection import client_options

pytestmark = pytest.mark.timeout(60)


@pytest.mark.parametrize("codec", ["gzip", "snappy", "lz4", "zstd"])
async def test_a_request_is_read_however_its_producer_compresses(kafka, counting, outsider, new_name, codec):
    model_id = new_name()
    headers = {"ce_id": model_id, "ce_source": "/upstream/test", "ce_type": "ml.ModelUpdateRequested.v1"}
    producer = AIOKafkaProducer(**client_options(kafka.settings("upstream")), acks="all", compression_type=codec)
    await producer.start()
    try:
        body = json.dumps({"model_id": model_id, "description": "x" * 1000}).encode()
        pairs = [(name, text.encode()) for name, text in headers.items()]
        await producer.send_and_wait("ml.model.requests", body, model_id.encode(), headers=pairs)
    finally:
        await producer.stop()

    await outsider.answer(model_id)
