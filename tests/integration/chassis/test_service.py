"""The chassis on real servers: one answer a request, however it comes."""

import asyncio
import json

import pytest

from chassis.errors import DocumentsUnavailable

from .conftest import running

pytestmark = pytest.mark.timeout(120)


def header(record, name):
    return dict(record.headers).get(name, b"").decode()


def answers(request_id):
    return lambda record: record.topic != "ml.registry.dlq" and json.loads(record.value).get("request_id") == request_id


async def test_a_request_becomes_a_fact_with_its_causes(counting, outsider, new_name):
    model_id = new_name()
    request_id = await outsider.send(model_id, description="one")

    (fact,) = await outsider.wait_for(answers(request_id))

    assert (fact.topic, fact.key.decode()) == ("ml.model.events", model_id)
    assert header(fact, "ce_source") == "/services/registry"
    assert header(fact, "ce_sequence") == "1"
    assert (header(fact, "ce_causationid"), header(fact, "ce_correlationid")) == (request_id, request_id)


async def test_the_same_request_delivered_again_gets_nothing_more(counting, outsider, new_name):
    model_id = new_name()
    request_id = await outsider.send(model_id, description="one")
    for _ in range(3):
        await outsider.send(model_id, ce_id=request_id, description="one")
    last = await outsider.send(model_id, description="last")

    await outsider.wait_for(answers(last))

    await outsider.nothing_more(answers(request_id), 1)
    assert (await counting.counted.load(model_id)).updates == 2


async def test_a_refusal_changes_and_creates_nothing(counting, outsider, new_name):
    model_id = new_name()
    request_id = await outsider.send(model_id, description="unwanted")
    await outsider.send(model_id, ce_id=request_id, description="unwanted")

    (refusal,) = await outsider.wait_for(answers(request_id))
    await outsider.nothing_more(answers(request_id), 1)

    body = json.loads(refusal.value)
    assert (refusal.topic, refusal.key.decode()) == ("ml.model.refusals", request_id)
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

    await outsider.wait_for(answers(event["id"]))


async def test_poison_goes_to_the_dead_letters_and_holds_nobody_up(counting, outsider, new_name):
    poisoned, healthy = new_name(), new_name()
    await outsider.raw(b"\xff\x00", poisoned, {"ce_id": "1"})
    await outsider.send(poisoned, kind="ModelArchival")
    request_id = await outsider.send(healthy, description="fine")

    await outsider.wait_for(answers(request_id), seconds=8)
    buried = await outsider.wait_for(lambda r: r.topic == "ml.registry.dlq" and r.key == poisoned.encode(), 2)

    assert {header(each, "dlq-error-code") for each in buried} == {"bad-json", "handler-failed"}
    assert b"\xff\x00" in {each.value for each in buried}


async def test_an_outage_is_waited_for_in_order(counting, outsider, new_name):
    model_id = new_name()
    failures = iter([DocumentsUnavailable("test")] * 4)

    async def before(event):
        if event.model_id == model_id and (failure := next(failures, None)):
            raise failure

    counting.before = before
    ids = [await outsider.send(model_id, description=str(n)) for n in range(3)]

    facts = await outsider.wait_for(lambda r: r.topic == "ml.model.events" and r.key == model_id.encode(), 3)

    assert [json.loads(each.value)["request_id"] for each in facts] == ids
    assert [header(each, "ce_sequence") for each in facts] == ["1", "2", "3"]


async def test_what_a_crash_left_in_an_outbox_is_published_by_the_next_start(make_service, outsider, new_name):
    model_id = new_name()
    first = make_service()
    first.service.relay.wake = lambda *_: None  # as if the process died between save and publish
    first.counted._wake = first.service.relay.wake
    async with running(first.service):
        request_id = await outsider.send(model_id, description="one")
        async with asyncio.timeout(10):
            while await first.counted.load(model_id) is None:
                await asyncio.sleep(0.05)
    await outsider.nothing_more(answers(request_id), 0, seconds=0.5)

    async with running(make_service().service):
        await outsider.wait_for(answers(request_id), seconds=20)
        await outsider.nothing_more(answers(request_id), 1)


async def test_fifty_concurrent_writers_of_one_document_lose_nothing(counting, outsider, new_name):
    model_id = new_name()
    ids = [await outsider.send(model_id, description=str(n)) for n in range(50)]

    facts = await outsider.wait_for(lambda r: r.topic == "ml.model.events" and r.key == model_id.encode(), 50)

    assert [json.loads(each.value)["request_id"] for each in facts] == ids
    assert (await counting.counted.load(model_id)).updates == 50


async def test_a_request_under_a_monstrous_key_is_refused_and_holds_nobody_up(counting, outsider, new_name):
    hostile, healthy = new_name(), new_name()
    headers = {"ce_id": hostile, "ce_source": "/upstream/test", "ce_type": "ml.ModelUpdateRequested.v1"}
    body = json.dumps({"model_id": hostile, "description": "one"}).encode()
    await outsider.raw(body, "\x01" * 400_000, headers)
    request_id = await outsider.send(healthy, description="fine")

    await outsider.wait_for(answers(request_id), seconds=15)
    (refusal,) = await outsider.wait_for(answers(hostile), seconds=15)

    assert json.loads(refusal.value)["code"] == "subject-mismatch"
