"""One document is the unit of work, on the real document store."""

import asyncio
from datetime import UTC, datetime

import pytest

from chassis.bus.delivery import ANONYMOUS, Delivery
from chassis.bus.envelope import Envelope, Message
from chassis.bus.outgoing import EventFactory
from chassis.clock import SystemClock, new_id
from chassis.documents.aggregates import Aggregates
from chassis.documents.handled import Handled
from chassis.documents.inbox import INBOX_LENGTH
from chassis.documents.refusals import Refusals
from chassis.errors import AssignmentLost
from schemas.topics import MODEL_REQUESTS

from .conftest import Counted, Unwanted

AT = datetime(2026, 11, 23, tzinfo=UTC)
EVENTS = EventFactory(source="/services/test", clock=SystemClock(), new_id=new_id)


@pytest.fixture
def counted(empty_database) -> Aggregates[Counted]:
    return aggregates(empty_database)


def aggregates(database) -> Aggregates[Counted]:
    """As one process has them."""
    handled = Handled(database["handled"], EVENTS.clock)
    return Aggregates(database["counted"], Counted, events=EVENTS, wake=lambda *_: None, handled=handled)


def key(request_id: str):
    return delivery(request_id).request_key


def delivery(request_id: str, *, is_live: bool = True) -> Delivery:
    return Delivery(
        envelope=Envelope(id=request_id, source="/upstream/test", type="ml.ModelUpdateRequested.v1"),
        actor=ANONYMOUS,
        topic=MODEL_REQUESTS.name,
        partition=0,
        offset=0,
        timestamp=AT,
        is_live=lambda: is_live,
    )


def more(aggregate: Counted | None) -> Counted:
    aggregate = aggregate or Counted("demand")
    aggregate.updates += 1
    return aggregate


async def test_whoever_may_have_been_succeeded_saves_nothing(counted):
    await counted.answer("demand", more, delivery("r1"))
    with pytest.raises(AssignmentLost):
        await counted.answer("demand", more, delivery("r2", is_live=False))
    assert (await counted.load("demand")).updates == 1
    assert not await counted.has_handled("demand", key("r2"))


async def test_whoever_may_have_been_succeeded_refuses_nothing(empty_database):
    refusals = Refusals(empty_database, events=EVENTS, wake=lambda *_: None)
    asked = delivery("r1", is_live=False)
    with pytest.raises(AssignmentLost):
        await refusals.refuse(asked, Message(asked.envelope, {}), Unwanted("not this one"), MODEL_REQUESTS)
    assert not await refusals.has_refused(asked.request_key)


async def test_of_writers_at_once_nobody_overwrites_another(counted):
    await counted.answer("demand", more, delivery("r0"))
    await asyncio.gather(*(counted.answer("demand", more, delivery(f"r{number}")) for number in range(1, 6)))
    assert (await counted.load("demand")).updates == 6


@pytest.mark.parametrize("makes", [True, False])
async def test_a_request_that_was_handled_is_never_decided_on_again(counted, makes):
    for _ in range(2):
        await counted.answer("demand", more, delivery("r1"), makes=makes)
    assert (await counted.load("demand")).updates == 1
    assert await counted.has_handled("demand", key("r1"))


async def test_however_many_requests_follow_none_is_decided_on_again(counted, empty_database):
    asked = [delivery(f"r{number}") for number in range(INBOX_LENGTH + 10)]
    for number, each in enumerate(asked):
        await counted.answer("demand", more, each, makes=number % 2 == 0)
        await counted.shorten_inboxes(["demand"])

    for each in asked:
        assert await counted.has_handled("demand", each.request_key)
        await counted.answer("demand", more, each)

    assert (await counted.load("demand")).updates == len(asked)
    stored = await empty_database["counted"].find_one({"_id": "demand"})
    assert len(stored["_inbox"]) == INBOX_LENGTH
    assert not await counted.has_handled("another", asked[0].request_key)


async def test_a_process_that_shortens_what_another_has_shortened_loses_nothing(counted, empty_database):
    other = aggregates(empty_database)
    asked = [delivery(f"r{number}") for number in range(INBOX_LENGTH + 10)]
    for number, each in enumerate(asked):
        await (counted, other)[number % 2].answer("demand", more, each)
    for each in (counted, other, counted):
        await each.shorten_inboxes(["demand"])

    stored = await empty_database["counted"].find_one({"_id": "demand"})
    assert len(stored["_inbox"]) == INBOX_LENGTH
    assert all([await counted.has_handled("demand", each.request_key) for each in asked])


async def test_what_was_handled_goes_after_a_week_and_a_day_and_what_made_something_stays(counted, empty_database):
    await Handled(empty_database["handled"], EVENTS.clock).prepare()
    await counted.answer("demand", more, delivery("made"), makes=True)
    for number in range(INBOX_LENGTH + 1):
        await counted.answer("demand", more, delivery(f"r{number}"))
    await counted.shorten_inboxes(["demand"])

    kept = {each["_id"]: "left_at" in each for each in await empty_database["handled"].find({}).to_list()}
    assert kept == {f"counted/demand/{key('made')}": False, f"counted/demand/{key('r0')}": True}
    indexes = [each async for each in await empty_database["handled"].list_indexes()]
    assert [each["expireAfterSeconds"] for each in indexes if "left_at" in each["key"]] == [8 * 24 * 3600]


async def test_a_document_of_before_knows_its_requests_by_their_old_keys(counted, empty_database):
    made, inbox = ([f"/upstream/test/{kind}{number}" for number in range(100)] for kind in ("m", "i"))
    written = {"_id": "demand", "model_id": "demand", "updates": 5, "_rev": 3, "_sequence": 3, "_outbox": []}
    await empty_database["counted"].insert_one({**written, "_made": made, "_inbox": inbox[:INBOX_LENGTH]})
    before = [f"m{number}" for number in range(100)] + [f"i{number}" for number in range(INBOX_LENGTH)]
    for _ in range(2):
        for each in before:
            assert await counted.has_handled("demand", key(each))
            await counted.answer("demand", more, delivery(each))
        await counted.answer("demand", more, delivery("new"))
        await counted.shorten_inboxes(["demand"])

    stored = await empty_database["counted"].find_one({"_id": "demand"})
    assert (stored["updates"], len(stored["_inbox"]), "_made" in stored) == (6, INBOX_LENGTH, False)
    assert (
        await empty_database["handled"].count_documents({"left_at": {"$exists": True}})
        == len(before) + 1 - INBOX_LENGTH
    )


async def test_a_refusal_of_before_is_known_by_its_old_key(empty_database):
    refusals = Refusals(empty_database, events=EVENTS, wake=lambda *_: None)
    await empty_database["refusals"].insert_one({"_id": "/upstream/test/r1", "code": "unwanted", "refused_at": AT})

    assert await refusals.has_refused(key("r1"))
    assert not await refusals.has_refused(key("r2"))
