import asyncpg
import pytest
from structlog.testing import capture_logs

from chassis.bus.batch import BatchLine
from chassis.bus.line import Outcome
from chassis.errors import Refusal, TablesUnavailable
from schemas.observations import SeriesObserved
from schemas.topics import METRIC_OBSERVATIONS
from tests.odd_errors import ODD

from .conftest import record

TYPE = "ml.SeriesObserved.v1"


def series(name: str) -> dict:
    return {"series_id": name, "points": [{"time": "2026-03-03T12:00:00Z", "value": 1.0}]}


class Table:
    """Stores all or nothing; chokes on one series."""

    def __init__(self, *, poison: str = "", outages: int = 0, error: Exception | None = None) -> None:
        self.stored: list[str] = []
        self.poison, self.outages = poison, outages
        self.error = error or asyncpg.DataError("value out of range")

    async def __call__(self, taken) -> None:
        if self.outages:
            self.outages -= 1
            raise TablesUnavailable("away")
        names = [event.series_id for event, _ in taken]
        if self.poison in names:
            raise self.error
        self.stored += names


@pytest.fixture
def make_batch(make_line):
    async def check(event, delivery) -> None:
        if event.series_id == "forbidden":
            raise Refusal("not yours")

    def make(table: Table) -> BatchLine:
        return BatchLine([make_line({SeriesObserved: check}, topic=METRIC_OBSERVATIONS)], table)

    return make


def records(names, clock):
    return [
        record(series(n), clock, ce_type=TYPE, topic=METRIC_OBSERVATIONS, key=n.encode(), offset=i)
        for i, n in enumerate(names)
    ]


def always(_record):
    return lambda: True


async def test_what_passes_its_check_is_stored_together(make_batch, clock, refuser):
    table = Table()

    outcome = await make_batch(table).handle(records(["a", "forbidden", "b"], clock), always)

    assert (outcome, table.stored) == (Outcome.DONE, ["a", "b"])
    assert list(refuser.refused.values()) == ["refused"]


async def test_only_the_guilty_record_leaves_the_batch(make_batch, clock, publisher):
    table = Table(poison="bad")

    outcome = await make_batch(table).handle(records(["a", "b", "bad", "c", "d"], clock), always)

    assert (outcome, sorted(table.stored)) == (Outcome.DONE, ["a", "b", "c", "d"])
    (letter,) = publisher.published
    assert (letter.key, dict(letter.headers)["dlq-error-code"]) == (b"bad", b"handler-failed")


async def test_what_was_raised_is_buried_without_its_place_and_logged_with_it(make_batch, clock, publisher):
    with capture_logs() as logs:
        await make_batch(Table(poison="bad", error=ODD["documents"])).handle(records(["bad"], clock), always)

    said = dict(publisher.published[0].headers)["dlq-error-message"].decode()
    assert said == "ServerSelectionTimeoutError: [address]: [Errno 111] Connection refused"
    [logged] = [each["reason"] for each in logs if each["event"] == "handler_failed"]
    assert str(ODD["documents"]) in logged


async def test_an_outage_of_the_tables_is_waited_for(make_batch, clock, publisher):
    table = Table(outages=3)

    assert await make_batch(table).handle(records(["a", "b"], clock), always) is Outcome.DONE
    assert (table.stored, publisher.published) == (["a", "b"], [])


async def test_a_batch_full_of_guilty_records_does_not_outlast_its_poll(make_batch, clock, publisher):
    class SlowTable(Table):
        async def __call__(self, taken) -> None:
            clock.pass_time(4)
            raise asyncpg.DataError("value out of range")

    names = [f"bad-{n}" for n in range(8)]
    before = clock.monotonic()

    outcome = await make_batch(SlowTable()).handle(records(names, clock), always)

    assert (outcome, len(publisher.published)) == (Outcome.DONE, 8)
    assert clock.monotonic() - before < 90  # five tries each would take 160 seconds, and the halves some more
