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


async def test_a_header_with_an_odd_name_ends_in_the_dead_letters_and_holds_nobody_up(
    counting, outsider, new_name, kafka, monkeypatch
):
    model_id = new_name()
    value = json.dumps({"model_id": model_id, "description": "odd"}).encode()
    headers = [(name, text.encode()) for name, text in attributes("ml.ModelUpdateRequested.v1", model_id).items()]
    # The builder in C takes no names but its own kind.
    for module in (producing, message_accumulator):
        monkeypatch.setattr(module, "DefaultRecordBatchBuilder", _DefaultRecordBatchBuilderPy)
    async with AIOKafkaProducer(**client_options(kafka.settings("upstream")), acks="all") as producer:
        odd = [*headers, (OddName(b"x-\xff"), b"\xfe")]
        await producer.send_and_wait("ml.model.requests", value, key=model_id.encode(), headers=odd)
    monkeypatch.undo()
    following = await outsider.send(model_id, description="fine")

    await outsider.answer(following, seconds=10)
    (letter,) = await outsider.hear(lambda each: each.is_dead_letter and each.key == model_id)
    kept = dict(letter.record.headers)
    assert (letter.record.value, kept["dlq-error-code"], kept["x-\\udcff"]) == (value, b"bad-headers", b"\xfe")
