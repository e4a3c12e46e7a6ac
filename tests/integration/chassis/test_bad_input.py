"""Bad input on the bus: each kind ends under its own code, and what comes behind it is answered."""

import json

import pytest

from tests.unit.chassis.test_tokens import JWT

pytestmark = pytest.mark.timeout(120)

STRUCTURED = "application/cloudevents+json"
UPDATE = "ml.ModelUpdateRequested.v1"


def buried(key):
    return lambda each: each.is_dead_letter and each.key == key


def attributes(request_id, **changes):
    return {
        "ce_id": request_id,
        "ce_source": "/upstream/test",
        "ce_type": UPDATE,
        "authorization": "Bearer s3cret",
        **changes,
    }


@pytest.mark.parametrize(
    ("value", "changes", "code"),
    [
        (b"\x00\xff\xfe", {}, "bad-json"),
        (b"", {}, "bad-json"),
        (b'{"model_id": 1e999', {}, "bad-json"),
        (b"[" * 50_000, {}, "bad-json"),
        (b"[]", {}, "not-an-object"),
        (b"{}", {"ce_type": "ml.NeverHeardOf.v1"}, "unknown-type"),
        (b"{}", {"ce_type": "ml.ModelRegistered.v1"}, "unknown-type"),
        (b"{}", {"ce_id": ""}, "missing-attributes"),
        (b"{}", {"ce_source": "x" * 256}, "bad-attributes"),
        (b'{"id": "1"}', {"content-type": "application/cloudevents+json"}, "not-an-object"),
    ],
)
async def test_what_cannot_be_read_is_kept_whole_and_holds_nobody_up(
    counting, outsider, new_name, value, changes, code
):
    model_id = new_name()
    await outsider.raw(value, model_id, attributes(model_id, **changes))
    following = await outsider.send(model_id, description="fine")

    await outsider.answer(following, seconds=10)
    (letter,) = await outsider.hear(buried(model_id))

    assert (letter.record.value, letter.headers["dlq-error-code"]) == (value, code)
    assert letter.headers["dlq-original-topic"] == "ml.model.requests"
    assert "s3cret" not in str(letter.headers)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "schema-invalid"),
        ({"model_id": "Not An Id", "name": "x"}, "schema-invalid"),
        ({"name": 5}, "schema-invalid"),
        ({"card": {"a": 2**80}}, "schema-invalid"),
        ({"card": {"a": "\ud800"}}, "schema-invalid"),
        ({"tags": {"\ud800": "x"}}, "schema-invalid"),
        ({"tags": {"x" * 400_000: 1}}, "schema-invalid"),
        ({"model_id": "another-one", "name": "x"}, "subject-mismatch"),
    ],
)
async def test_what_breaks_its_schema_is_refused_once_and_holds_nobody_up(counting, outsider, new_name, body, code):
    model_id, request_id = new_name(), new_name()
    value = json.dumps({"model_id": model_id, **body} if body else {}).encode()
    for _ in range(2):
        await outsider.raw(value, model_id, attributes(request_id))
    following = await outsider.send(model_id, description="fine")

    await outsider.answer(following, seconds=10)
    refusal = await outsider.answer(request_id)

    assert (refusal.topic, refusal.data["code"]) == ("ml.model.refusals", code)
    assert not [each for each in outsider.seen if buried(model_id)(each)]


TOKEN = f"{JWT}-of-a-sender"


@pytest.mark.parametrize(
    ("value", "changes"),
    [
        (json.dumps({"id": "1", "authorization": f"Bearer {TOKEN}", "data": 5}), {"content-type": STRUCTURED}),
        (json.dumps({"id": "1", "Authorization": TOKEN, "data": {}}), {"content-type": STRUCTURED}),
        (json.dumps({"data": {"card": {"note": [f"use {TOKEN}"]}}}), {"ce_type": "ml.NeverHeardOf.v1"}),
        (f'{{"broken": "Bearer {TOKEN}', {}),
        ("{}", {"ce_type": "ml.NeverHeardOf.v1", "AUTHORIZATION": TOKEN}),
        ("{}", {"ce_type": f"ml.{TOKEN}"}),
        ("{}", {"ce_type": "ml.NeverHeardOf.v1", "x-forwarded": f"Bearer {TOKEN}"}),
    ],
)
async def test_a_token_reaches_no_dead_letter_wherever_it_stands(counting, outsider, new_name, value, changes):
    model_id = new_name()
    await outsider.raw(value.encode(), model_id, attributes(model_id, **changes))

    (letter,) = await outsider.hear(buried(model_id))
    assert TOKEN not in f"{letter.record.value} {letter.record.headers}"
    assert letter.headers["dlq-redacted"] == "true"


async def test_a_token_in_a_good_requests_body_is_refused_and_stored_nowhere(counting, outsider, new_name):
    model_id, request_id = new_name(), new_name()
    body = {"model_id": model_id, "description": f"ask with Bearer {TOKEN}"}
    await outsider.raw(json.dumps(body).encode(), model_id, attributes(request_id))

    refusal = await outsider.answer(request_id)
    assert (refusal.code, refusal.data["violations"][0]["field"]) == ("schema-invalid", "description")
    assert TOKEN not in str([each async for each in counting.service.refusals.collection.find()])
    assert await counting.counted.load(model_id) is None
