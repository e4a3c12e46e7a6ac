import asyncio
import json
import time
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from chassis.bus.line import Outcome
from chassis.bus.perseverance import Patience
from chassis.bus.record import Cut
from chassis.bus.request_key import RequestKey
from chassis.errors import DocumentConflict, DocumentsUnavailable, Refusal, Unpublishable
from schemas.models import ModelUpdateRequested, VersionPromotionRequested
from schemas.refusals import Violation
from schemas.topics import MODEL_EVENTS, REQUEST_MAX_BYTES

from .conftest import promotion, record
from .test_tokens import JWT, OPAQUE


class Nope(Refusal):
    code = "version-unknown"


class Recorder:
    """A handler that fails as often as it is told to, then notes what it got."""

    def __init__(self, *failures: Exception) -> None:
        self.failures = list(failures)
        self.seen = []

    async def __call__(self, event, delivery) -> None:
        if self.failures:
            raise self.failures.pop(0)
        self.seen.append((event, delivery))


def alive() -> bool:
    return True


async def test_a_good_request_reaches_its_handler_with_its_cause(make_line, clock):
    handler = Recorder()
    line = make_line({VersionPromotionRequested: handler})

    outcome = await line.handle(record(promotion(), clock, headers={"ce_id": b"42"}), alive)

    event, delivery = handler.seen[0]
    assert (outcome, event.alias) == (Outcome.DONE, "champion")
    key = RequestKey.of(client="anonymous", source="/upstream/erp", request_id="42")
    assert (delivery.request_key, delivery.cause.correlation_id) == (key, "42")


@pytest.mark.parametrize(
    ("broken", "code"),
    [
        ({"body": {"model_id": "demand"}}, "schema-invalid"),
        ({"body": promotion(), "key": b"other"}, "subject-mismatch"),
        ({"body": promotion(), "headers": {"ce_subject": b"other"}}, "subject-mismatch"),
        ({"body": promotion(), "age_s": 25 * 3600}, "expired"),
    ],
)
async def test_a_readable_request_that_is_wrong_is_refused(make_line, clock, refuser, publisher, broken, code):
    handler = Recorder()
    line = make_line({VersionPromotionRequested: handler})

    outcome = await line.handle(record(clock=clock, **broken), alive)

    assert (outcome, list(refuser.refused.values())) == (Outcome.REFUSED, [code])
    assert handler.seen == []
    assert publisher.published == []


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


async def test_a_refusal_by_the_handler_is_an_answer(make_line, clock, refuser):
    line = make_line({VersionPromotionRequested: Recorder(Nope("no version 3"))})

    assert await line.handle(record(promotion(), clock), alive) is Outcome.REFUSED
    assert list(refuser.refused.values()) == ["version-unknown"]


async def test_a_refused_request_that_comes_again_is_ignored(make_line, clock):
    handler = Recorder(Nope("no version 3"))
    line = make_line({VersionPromotionRequested: handler})
    request = record(promotion(), clock)

    await line.handle(request, alive)

    assert await line.handle(request, alive) is Outcome.IGNORED
    assert handler.seen == []


async def test_a_granted_request_is_never_refused_afterwards(make_line, clock, refuser):
    async def granted(subject: str, key: str) -> bool:
        return subject == "demand"

    line = make_line({VersionPromotionRequested: Recorder()}, answered=granted)

    assert await line.handle(record(promotion(), clock, age_s=25 * 3600), alive) is Outcome.IGNORED
    assert refuser.refused == {}


async def test_an_outage_is_waited_for_and_nothing_is_buried(make_line, clock, publisher):
    handler = Recorder(*[DocumentsUnavailable("away")] * 3)
    line = make_line({VersionPromotionRequested: handler})

    assert await line.handle(record(promotion(), clock), alive) is Outcome.DONE
    assert len(handler.seen) == 1
    assert publisher.published == []


async def test_an_unknown_failure_while_a_dependency_is_away_is_an_outage(make_line, clock, publisher):
    state = {"away": True}
    handler = Recorder(RuntimeError("driver said something odd"))

    async def probe() -> str | None:
        return "documents: away" if state.pop("away", False) else None

    line = make_line({VersionPromotionRequested: handler}, probe=probe)

    assert await line.handle(record(promotion(), clock), alive) is Outcome.DONE
    assert publisher.published == []


async def test_what_fails_five_times_while_all_is_well_is_buried(make_line, clock, publisher):
    handler = Recorder(*[RuntimeError("bug")] * 5)
    line = make_line({VersionPromotionRequested: handler})

    assert await line.handle(record(promotion(), clock), alive) is Outcome.DEAD_LETTER
    headers = dict(publisher.published[0].headers)
    assert (headers["dlq-error-code"], headers["dlq-attempts"]) == (b"handler-failed", b"5")


async def test_a_dead_letter_that_the_bus_refuses_for_a_while_is_not_lost(make_line, clock, publisher):
    publisher.failures = 2

    assert await make_line({}).handle(record(b"nonsense", clock), alive) is Outcome.DEAD_LETTER
    assert len(publisher.published) == 1


async def test_a_process_that_lost_its_partition_does_not_answer(make_line, clock, refuser):
    line = make_line({VersionPromotionRequested: Recorder(Nope("no"))})

    assert await line.handle(record(promotion(), clock), lambda: False) is Outcome.PUT_BACK
    assert refuser.refused == {}


async def test_a_fact_that_breaks_its_schema_is_buried(make_line, clock, publisher):
    line = make_line({}, topic=MODEL_EVENTS)
    broken = record({"model_id": "demand"}, clock, ce_type="ml.ModelArchived.v1", topic=MODEL_EVENTS)

    assert await line.handle(broken, alive) is Outcome.DEAD_LETTER
    assert dict(publisher.published[0].headers)["dlq-error-code"] == b"schema-invalid"


async def test_every_record_taken_to_its_end_is_settled(make_line, clock):
    settled = []

    async def note(taken) -> None:
        settled.append(taken.offset)

    line = make_line({VersionPromotionRequested: Recorder()}, settled=note)
    await line.handle(record(promotion(), clock, offset=1), alive)
    await line.handle(record(b"nonsense", clock, offset=2), alive)

    assert settled == [1, 2]


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


async def test_a_failure_whose_words_cannot_be_encoded_is_buried_all_the_same(make_line, clock, publisher):
    line = make_line({VersionPromotionRequested: Recorder(*[RuntimeError("\ud800")] * 5)})

    assert await line.handle(record(promotion(), clock), alive) is Outcome.DEAD_LETTER
    assert len(publisher.published) == 1


async def test_a_conflict_that_does_not_end_puts_the_record_back(make_line, clock, monkeypatch, publisher):
    async def conflict(work):
        raise DocumentConflict("demand")

    monkeypatch.setattr("chassis.bus.line.through_outages", conflict)

    assert await make_line({}).handle(record(promotion(), clock), alive) is Outcome.PUT_BACK
    assert publisher.published == []


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


async def test_a_row_of_poison_holds_up_what_follows_no_longer_than_one_does(make_line, clock, publisher):
    class Buggy(Recorder):
        async def __call__(self, event, delivery) -> None:
            if event.version > 1:
                raise (RuntimeError, KeyError, ValueError)[event.version % 3](f"bug {event.version}")
            await super().__call__(event, delivery)

    line = make_line({VersionPromotionRequested: Buggy()}, patience=Patience())
    begun = time.monotonic()
    with capture_logs():
        for n in range(2, 12):
            poison = record(promotion(model_id=f"demand-{n}", version=n), clock, key=f"demand-{n}".encode())
            assert await line.handle(poison, alive) is Outcome.DEAD_LETTER

    assert await line.handle(record(promotion(version=1), clock), alive) is Outcome.DONE
    assert time.monotonic() - begun < 5
    assert [dict(each.headers)["dlq-attempts"] for each in publisher.published] == [b"5"] * 10


async def test_a_row_of_poison_that_takes_its_time_is_tried_less_often(make_line, clock, publisher):
    class Slow(Recorder):
        async def __call__(self, event, delivery) -> None:
            await asyncio.sleep(0.2)
            raise RuntimeError("a bug")

    line = make_line({VersionPromotionRequested: Slow()})
    begun = time.monotonic()
    with capture_logs():
        for _ in range(10):
            await line.handle(record(promotion(), clock), alive)

    assert time.monotonic() - begun < 6
    assert dict(publisher.published[0].headers)["dlq-attempts"] == b"5"


@pytest.mark.parametrize("failure", [RuntimeError("a bug"), Unpublishable("never"), AssertionError("so")])
async def test_a_failure_behind_the_handler_ends_too(make_line, clock, publisher, failure):
    async def settled(_) -> None:
        raise failure

    line = make_line({VersionPromotionRequested: Recorder()}, settled=settled)

    assert await line.handle(record(promotion(), clock), alive) is Outcome.DONE
    assert len(publisher.published) == 1


async def test_what_is_put_back_for_a_reason_that_stays_is_an_error(make_line, clock):
    class Refusing:
        async def bury(self, *_, **__) -> None:
            raise Unpublishable("never")

    line = replace(make_line({}), dead_letters=Refusing())
    with capture_logs() as said:
        assert await line.handle(record(b"nonsense", clock), alive) is Outcome.PUT_BACK

    assert [(each["log_level"], each["event"], each["code"]) for each in said] == [
        ("error", "put_back", "unpublishable")
    ]


async def test_a_token_in_a_requests_body_is_refused_and_told_to_nobody(make_line, clock, refuser):
    handler = Recorder()
    line = make_line({ModelUpdateRequested: handler})
    body = {"model_id": "demand", "description": f"use {JWT}", "card": {"a": [f"Bearer {OPAQUE}"]}, "unknown": JWT}

    outcome = await line.handle(record(body, clock, ce_type="ml.ModelUpdateRequested.v1"), alive)

    assert (outcome, handler.seen) == (Outcome.REFUSED, [])
    (refusal,) = refuser.refusals
    assert refusal.code == "schema-invalid"
    assert [each.field for each in refusal.violations] == ["description", "card.a.0"]


async def test_a_field_that_is_not_known_may_hold_what_it_likes(make_line, clock):
    line = make_line({ModelUpdateRequested: Recorder()})
    body = {"model_id": "demand", "description": "the bearer of news", "unknown": JWT}

    assert await line.handle(record(body, clock, ce_type="ml.ModelUpdateRequested.v1"), alive) is Outcome.DONE


async def test_a_refusal_quotes_no_token(make_line, clock, refuser):
    headers = {"ce_subject": b"Bearer " + OPAQUE.encode()}
    await make_line({}).handle(record(promotion(), clock, key=JWT.encode(), headers=headers), alive)
    refused = Nope(f"no {JWT}", violations=[Violation(field=f"tags.{JWT}", message=f"not {JWT}")])
    await make_line({VersionPromotionRequested: Recorder(refused)}).handle(record(promotion(), clock), alive)

    said = str([(each.message, each.violations) for each in refuser.refusals])
    assert len(refuser.refusals) == 2
    assert JWT not in said
    assert OPAQUE not in said
