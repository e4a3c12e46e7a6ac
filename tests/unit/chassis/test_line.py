"""What becomes of a record: an answer, a refusal, or nothing; and that neither shows a token."""

import pytest

from chassis.bus.line import Outcome
from chassis.bus.request_key import RequestKey
from schemas.models import ModelUpdateRequested, VersionPromotionRequested
from schemas.refusals import Violation

from .conftest import promotion, record
from .recorder import Nope, Recorder, alive
from .test_tokens import JWT, OPAQUE


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


async def test_a_process_that_lost_its_partition_does_not_answer(make_line, clock, refuser):
    line = make_line({VersionPromotionRequested: Recorder(Nope("no"))})

    assert await line.handle(record(promotion(), clock), lambda: False) is Outcome.PUT_BACK
    assert refuser.refused == {}


async def test_every_record_taken_to_its_end_is_settled(make_line, clock):
    settled = []

    async def note(taken) -> None:
        settled.append(taken.offset)

    line = make_line({VersionPromotionRequested: Recorder()}, settled=note)
    await line.handle(record(promotion(), clock, offset=1), alive)
    await line.handle(record(b"nonsense", clock, offset=2), alive)

    assert settled == [1, 2]


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
