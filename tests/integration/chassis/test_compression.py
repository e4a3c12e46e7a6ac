"""Outsiders compress as they like, and what comes of it is read, or kept as a specimen, and holds nobody up."""

import asyncio
import json
from contextlib import asynccontextmanager
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from confluent_kafka import Producer

from chassis.bus.connection import client_options
from infra.kafka.cluster import Cluster
from tests.integration.chassis.test_poison import neighbours
from tests.integration.outsider import attributes

pytestmark = pytest.mark.timeout(60)

BOUND_S = 5.0


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


MB = 1024 * 1024


@asynccontextmanager
async def packing(kafka, codec):
    """A producer whose own limits are no limits."""
    options = client_options(kafka.settings("upstream"))
    limits = {"max_request_size": 2**30, "request_timeout_ms": 30_000}
    async with AIOKafkaProducer(**options, acks="all", compression_type=codec, **limits) as producer:
        yield producer


def pairs(model_id, **others):
    headers = {**attributes("ml.ModelUpdateRequested.v1", model_id), **others}
    return [(name, text if isinstance(text, bytes) else text.encode()) for name, text in headers.items()]


@pytest.mark.parametrize(
    ("codec", "size"), [("gzip", 3), ("snappy", 3), ("lz4", 3), ("zstd", 3), ("gzip", 64), ("lz4", 64), ("zstd", 200)]
)
async def test_what_unpacks_to_more_than_a_request_may_have_is_buried_once(
    kafka, counting, outsider, new_name, codec, size
):
    poisoned, healthy = await neighbours(counting.service, "ml.model.requests", new_name)
    async with packing(kafka, codec) as producer:
        blanks = b" " * (size * MB)
        await producer.send_and_wait("ml.model.requests", blanks, poisoned.encode(), headers=pairs(poisoned))
    del blanks
    request_id = await outsider.send(healthy, description="fine")

    await outsider.answer(request_id, seconds=BOUND_S)
    (letter,) = await outsider.hear(lambda each: each.is_dead_letter and each.key == poisoned)
    assert (letter.headers["dlq-error-code"], letter.headers["dlq-value-bytes"]) == ("too-large", str(size * MB))
    assert letter.record.value == b" " * 64 * 1024
    await outsider.nothing_more(lambda each: each.is_dead_letter and each.key == poisoned, 1)


@pytest.mark.parametrize(
    ("key", "headers", "cut"),
    [
        (b"k" * 3 * MB, {}, {"key"}),
        (b"demand", {"x": b"h" * 3 * MB}, {"headers"}),
        (b"k" * 3 * MB, {f"x-{number}": b"h" * MB for number in range(3)}, {"key", "headers"}),
    ],
)
async def test_what_has_a_key_or_headers_that_no_letter_holds_is_buried_once(
    kafka, counting, outsider, new_name, key, headers, cut
):
    request_id = str(uuid4())
    async with packing(kafka, "zstd") as producer:
        sent = pairs("demand", ce_id=request_id, **headers)
        where = await producer.send_and_wait("ml.model.requests", b"{", key, headers=sent)
    while await counting.service.positions.partition_of("ml.model.requests", healthy := new_name()) != where.partition:
        pass
    following = await outsider.send(healthy, description="fine")

    await outsider.answer(following, seconds=BOUND_S)
    (letter,) = await outsider.hear(lambda each: each.is_dead_letter and each.headers.get("ce_id") == request_id)
    assert {part for part in ("value", "key", "headers") if f"dlq-{part}-bytes" in letter.headers} == cut


async def test_a_good_request_with_a_header_that_is_larger_than_any_request_is_answered(
    kafka, counting, outsider, new_name
):
    model_id, request_id = new_name(), str(uuid4())
    body = json.dumps({"model_id": model_id, "description": "fine"}).encode()
    async with packing(kafka, "zstd") as producer:
        sent = pairs(model_id, ce_id=request_id, **{"x-trace": b"t" * 3 * MB})
        await producer.send_and_wait("ml.model.requests", body, model_id.encode(), headers=sent)

    assert (await outsider.answer(request_id, seconds=BOUND_S)).name == "ModelUpdated"


async def test_a_record_with_neither_key_nor_value_is_buried_once(kafka, counting, outsider, new_name):
    settings = kafka.settings("upstream")
    cluster = Cluster(
        bootstrap_servers=settings.bootstrap_servers, username="upstream", password=settings.password.get_secret_value()
    )
    producer = Producer({**cluster.client_config(), "acks": "all"})
    producer.produce("ml.model.requests", headers={"ce_id": (request_id := str(uuid4()))})
    await asyncio.to_thread(producer.flush, 10)
    following = await outsider.send(new_name(), description="fine")

    await outsider.answer(following, seconds=BOUND_S)
    (letter,) = await outsider.hear(lambda each: each.is_dead_letter and each.headers.get("ce_id") == request_id)
    assert (letter.record.key, letter.record.value, letter.headers["dlq-error-code"]) == (None, b"", "empty")
