"""Handlers that fail: outages are waited for, bugs buried in the end, and what can't be settled is put back."""

import asyncio
import time
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from chassis.bus.line import Outcome
from chassis.bus.perseverance import Patience
from chassis.errors import DocumentConflict, DocumentsUnavailable, Unpublishable
from schemas.models import VersionPromotionRequested
from tests.odd_errors import ODD

from .conftest import promotion, record
from .recorder import Recorder, alive


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


@pytest.mark.parametrize("name", ["a file", "another system", "objects", "documents", "Java", "Python"])
async def test_what_was_raised_is_buried_without_paths_addresses_and_traces(make_line, clock, publisher, name):
    line = make_line({VersionPromotionRequested: Recorder(*[ODD[name]] * 5)}, patience=Patience(lambda: 0.0))
    line.patience._left_s = 0.0

    with capture_logs() as logs:
        assert await line.handle(record(promotion(), clock), alive) is Outcome.DEAD_LETTER
    said = dict(publisher.published[0].headers)["dlq-error-message"].decode()
    assert said.startswith(f"{type(ODD[name]).__name__}: ")
    assert not any(each in said for each in ("/srv", "C:", "example", ".scala", "Traceback"))
    assert [each["exc_info"] for each in logs if each["event"] == "handler_failed"] == [True]


async def test_a_dead_letter_that_the_bus_refuses_for_a_while_is_not_lost(make_line, clock, publisher):
    publisher.failures = 2

    assert await make_line({}).handle(record(b"nonsense", clock), alive) is Outcome.DEAD_LETTER
    assert len(publisher.published) == 1


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
