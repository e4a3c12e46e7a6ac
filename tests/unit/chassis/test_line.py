import pytest

from chassis.bus.line import Outcome
from chassis.bus.request_key import RequestKey
from chassis.errors import DocumentConflict, DocumentsUnavailable, Refusal
from schemas.models import VersionPromotionRequested
from schemas.topics import MODEL_EVENTS

from .conftest import promotion, record


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
        "\ud800": "x" * 300,
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


async def test_a_record_whose_header_has_no_name_in_utf_8_is_buried_and_says_so(make_line, clock, publisher):
    odd = {"x-\udcff": b"\x01"}

    assert await make_line({}).handle(record(promotion(), clock, headers=odd), alive) is Outcome.DEAD_LETTER
    kept = dict(publisher.published[0].headers)
    assert (kept["dlq-error-code"], kept["x-\\udcff"]) == (b"bad-headers", b"\x01")
