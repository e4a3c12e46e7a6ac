"""Records that can't be read, are too large or hold odd bytes: buried, and read by nobody."""

import json

import pytest

from chassis.bus.line import Outcome
from chassis.bus.record import Cut
from schemas.models import VersionPromotionRequested
from schemas.topics import MODEL_EVENTS, REQUEST_MAX_BYTES

from .conftest import promotion, record
from .recorder import Recorder, alive


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"body": b"\x00\x01"}, "bad-json"),
        ({"body": promotion(), "headers": {"ce_id": None}}, "missing-attributes"),
        ({"body": promotion(), "ce_type": "ml.NeverHeardOf.v1"}, "unknown-type"),
        ({"body": promotion(), "ce_type": "ml.DeploymentRequested.v1"}, "unknown-type"),
    ],
)
async def test_what_cannot_be_read_is_kept_byte_for_byte_without_its_token(make_line, clock, publisher, broken, code):
    headers = {"authorization": b"Bearer secret", "x-own": b"kept", **broken.pop("headers", {})}
    original = record(clock=clock, headers=headers, **broken)

    outcome = await make_line({}).handle(original, alive)

    (letter,) = publisher.published
    kept = dict(letter.headers)
    assert outcome is Outcome.DEAD_LETTER
    assert (letter.topic, letter.key, letter.value) == ("ml.registry.dlq", original.key, original.value)
    assert (kept["dlq-error-code"], kept["dlq-original-offset"]) == (code.encode(), b"7")
    assert kept["x-own"] == b"kept"
    assert "authorization" not in kept


async def test_a_fact_that_breaks_its_schema_is_buried(make_line, clock, publisher):
    line = make_line({}, topic=MODEL_EVENTS)
    broken = record({"model_id": "demand"}, clock, ce_type="ml.ModelArchived.v1", topic=MODEL_EVENTS)

    assert await line.handle(broken, alive) is Outcome.DEAD_LETTER
    assert dict(publisher.published[0].headers)["dlq-error-code"] == b"schema-invalid"


async def test_what_holds_half_a_surrogate_pair_is_buried_and_not_lost(make_line, clock, publisher):
    event = {
        "id": "1",
        "source": "/upstream/erp",
        "type": "ml.ModelUpdateRequested.v1",
        "subject": "\ud800",
        "data": {},
    }
    structured = {"content-type": b"application/cloudevents+json"}

    outcome = await make_line({}).handle(record(event, clock, headers=structured), alive)

    (letter,) = publisher.published
    assert outcome is Outcome.DEAD_LETTER
    assert dict(letter.headers)["dlq-error-code"] == b"bad-attributes"


async def test_a_token_in_either_shape_of_header_is_not_kept(make_line, clock, publisher):
    tokens = {"Authorization": b"Bearer secret", "ce_authorization": b"Bearer secret"}

    await make_line({}).handle(record(b"nonsense", clock, headers=tokens), alive)

    assert b"Bearer secret" not in dict(publisher.published[0].headers).values()


async def test_a_record_whose_other_headers_are_no_text_at_all_is_answered(make_line, clock):
    odd = {"x-\udcff": b"\x01", "traceparent": b"\xff", "uber-trace-id": b"\xfe" * 1000}
    handler = Recorder()
    line = make_line({VersionPromotionRequested: handler})

    assert await line.handle(record(promotion(), clock, headers=odd), alive) is Outcome.DONE
    assert handler.seen[0][1].cause.traceparent is None


async def test_a_header_whose_name_is_not_utf_8_is_kept_in_a_dead_letter(make_line, clock, publisher):
    assert await make_line({}).handle(record(b"nonsense", clock, headers={"x-\udcff": b"\x01"}), alive)
    assert dict(publisher.published[0].headers)["x-\\udcff"] == b"\x01"


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (b" " * (REQUEST_MAX_BYTES + 1), "too-large"),
        (b"[" * (REQUEST_MAX_BYTES + 1), "too-large"),
        (json.dumps({"model_id": "demand", "card": "x" * REQUEST_MAX_BYTES}).encode(), "too-large"),
        (Cut.of(b"{", code="too-large", size=10**9), "too-large"),
        (Cut.of(b"", code="too-large", size=None), "too-large"),
        (Cut.of(b"", code="bad-batch", size=None), "bad-batch"),
    ],
)
async def test_what_is_larger_than_its_topic_allows_is_buried_before_anybody_reads_it(
    make_line, clock, publisher, monkeypatch, value, code
):
    monkeypatch.setattr("chassis.bus.admission.read", None)

    assert await make_line({}).handle(record(value, clock), alive) is Outcome.DEAD_LETTER
    (letter,) = publisher.published
    assert dict(letter.headers)["dlq-error-code"] == code.encode()
    assert len(letter.value) <= 64 * 1024


async def test_a_record_that_is_as_large_as_its_topic_allows_is_read(make_line, clock):
    body = json.dumps(promotion()).encode()
    line = make_line({VersionPromotionRequested: Recorder()})

    assert await line.handle(record(body.ljust(REQUEST_MAX_BYTES), clock), alive) is Outcome.DONE
