"""The chassis on real servers: one answer a request, however it comes."""

import asyncio
import json

import pytest

from chassis.errors import DocumentsUnavailable
from tests.integration.living import living

pytestmark = pytest.mark.timeout(120)


async def test_a_request_becomes_a_fact_with_its_causes(counting, outsider, new_name):
    model_id = new_name()
    request_id = await outsider.send(model_id, description="one")

    fact = await outsider.answer(request_id)

    assert (fact.topic, fact.key) == ("ml.model.events", model_id)
    assert fact.headers["ce_source"] == "/services/registry"
    assert fact.headers["ce_sequence"] == "1"
    assert (fact.headers["ce_causationid"], fact.headers["ce_correlationid"]) == (request_id, request_id)


async def test_the_same_request_delivered_again_gets_nothing_more(counting, outsider, new_name):
    model_id = new_name()
    request_id = await outsider.send(model_id, description="one")
    for _ in range(3):
        await outsider.send(model_id, ce_id=request_id, description="one")
    last = await outsider.send(model_id, description="last")

    await outsider.answer(last)

    await outsider.nothing_more(lambda each: each.answers(request_id), 1)
    assert (await counting.counted.load(model_id)).updates == 2


async def test_a_refusal_changes_and_creates_nothing(counting, outsider, new_name):
    model_id = new_name()
    request_id = await outsider.send(model_id, description="unwanted")
    await outsider.send(model_id, ce_id=request_id, description="unwanted")

    refusal = await outsider.answer(request_id)
    await outsider.nothing_more(lambda each: each.answers(request_id), 1)

    body = refusal.data
    assert (refusal.topic, refusal.key) == ("ml.model.refusals", request_id)
    assert (body["code"], body["subject"], body["request_type"]) == (
        "unwanted", model_id, "ml.ModelUpdateRequested.v1",
    )  # fmt: skip
    assert await counting.counted.load(model_id) is None


async def test_structured_mode_is_read_on_request_topics(counting, outsider, new_name):
    model_id = new_name()
    event = {
        "specversion": "1.0", "id": "s-1-" + model_id, "source": "/upstream/test",
        "type": "ml.ModelUpdateRequested.v1", "data": {"model_id": model_id, "description": "x"},
    }  # fmt: skip
    await outsider.raw(json.dumps(event).encode(), model_id, {"content-type": "application/cloudevents+json"})

    await outsider.answer(event["id"])


async def test_poison_goes_to_the_dead_letters_and_holds_nobody_up(counting, outsider, new_name):
    poisoned, healthy = new_name(), new_name()
    await outsider.raw(b"\xff\x00", poisoned, {"ce_id": "1"})
    await outsider.send(poisoned, kind="ModelArchival")
    request_id = await outsider.send(healthy, description="fine")

    await outsider.answer(request_id, seconds=8)
    buried = await outsider.hear(lambda r: r.topic == "ml.registry.dlq" and r.key == poisoned, 2)

    assert {each.headers["dlq-error-code"] for each in buried} == {"bad-json", "handler-failed"}
    assert b"\xff\x00" in {each.record.value for each in buried}


async def test_an_outage_is_waited_for_in_order(counting, outsider, new_name):
    model_id = new_name()
    failures = iter([DocumentsUnavailable("test")] * 4)

    async def before(event):
        if event.model_id == model_id and (failure := next(failures, None)):
            raise failure

    counting.before = before
    ids = [await outsider.send(model_id, description=str(n)) for n in range(3)]

    facts = await outsider.hear(lambda r: r.topic == "ml.model.events" and r.key == model_id, 3)

    assert [each.data["request_id"] for each in facts] == ids
    assert [each.headers["ce_sequence"] for each in facts] == ["1", "2", "3"]


async def test_what_a_crash_left_in_an_outbox_is_published_by_the_next_start(make_service, outsider, new_name):
    model_id = new_name()
    first = make_service()
    first.service.relay.wake = lambda *_: None  # as if the process died between save and publish
    first.counted._wake = first.service.relay.wake
    async with living(first.service):
        request_id = await outsider.send(model_id, description="one")
        async with asyncio.timeout(10):
            while await first.counted.load(model_id) is None:
                await asyncio.sleep(0.05)
    await outsider.nothing_more(lambda each: each.answers(request_id), 0, seconds=0.5)

    async with living(make_service().service):
        await outsider.answer(request_id, seconds=20)
        await outsider.nothing_more(lambda each: each.answers(request_id), 1)


async def test_fifty_concurrent_writers_of_one_document_lose_nothing(counting, outsider, new_name):
    model_id = new_name()
    ids = [await outsider.send(model_id, description=str(n)) for n in range(50)]

    facts = await outsider.hear(lambda r: r.topic == "ml.model.events" and r.key == model_id, 50)

    assert [each.data["request_id"] for each in facts] == ids
    assert (await counting.counted.load(model_id)).updates == 50


async def test_a_request_under_a_monstrous_key_is_refused_and_holds_nobody_up(counting, outsider, new_name):
    hostile, healthy = new_name(), new_name()
    headers = {"ce_id": hostile, "ce_source": "/upstream/test", "ce_type": "ml.ModelUpdateRequested.v1"}
    body = json.dumps({"model_id": hostile, "description": "one"}).encode()
    await outsider.raw(body, "\x01" * 400_000, headers)
    request_id = await outsider.send(healthy, description="fine")

    await outsider.answer(request_id, seconds=15)
    refusal = await outsider.answer(hostile, seconds=15)

    assert refusal.data["code"] == "subject-mismatch"
