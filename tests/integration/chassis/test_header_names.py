"""What only a client of the raw protocol can send: a header whose name isn't UTF-8."""

import json

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.producer import message_accumulator
from aiokafka.producer import producer as producing
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy

from chassis.bus.connection import client_options
from tests.integration.outsider import attributes
from tests.odd_names import OddName

pytestmark = pytest.mark.timeout(60)


async def test_a_request_is_answered_whatever_its_other_headers_are(counting, outsider, new_name, kafka, monkeypatch):
    model_id = new_name()
    value = json.dumps({"model_id": model_id, "description": "odd"}).encode()
    headers = attributes("ml.ModelUpdateRequested.v1", model_id)
    pairs = [(name, text.encode()) for name, text in headers.items()]
    # The builder in C takes no names but its own kind.
    for module in (producing, message_accumulator):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    async with AIOKafkaProducer(**client_options(kafka.settings("upstream")), acks="all") as producer:
        odd = [(OddName(b"x-\xff"), b"\xfe"), ("uber-trace-id", b"\xff" * 300_000), ("traceparent", b"\x00\xff")]
        await producer.send_and_wait("ml.model.requests", value, key=model_id.encode(), headers=[*odd, *pairs])
    monkeypatch.undo()

    assert (await outsider.answer(headers["ce_id"], seconds=5)).name == "ModelUpdated"
