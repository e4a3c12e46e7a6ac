"""One document is the unit of work, on the real document store."""

import asyncio
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from chassis.bus.delivery import ANONYMOUS, Delivery
from chassis.bus.envelope import Envelope, Message
from chassis.bus.outgoing import EventFactory
from chassis.clock import SystemClock, new_id
from chassis.documents.aggregates import Aggregates
from chassis.documents.client import connect
from chassis.documents.refusals import Refusals
from chassis.errors import AssignmentLost
from schemas.topics import MODEL_REQUESTS

from .conftest import Counted, Unwanted

EVENTS = EventFactory(source="/services/test", clock=SystemClock(), new_id=new_id)


@pytest_asyncio.fixture
async def database(mongo, new_name):
    client = connect(mongo)
    name = new_name()
    yield client[name]
    await client.drop_database(name)
    await client.close()


@pytest.fixture
def counted(database) -> Aggregates[Counted]:
    return Aggregates(database["counted"], Counted, events=EVENTS, wake=lambda *_: None)


def delivery(request_id: str, *, is_live: bool = True) -> Delivery:
    return Delivery(
        envelope=Envelope(id=request_id, source="/upstream/test", type="ml.ModelUpdateRequested.v1"),
        actor=ANONYMOUS,
        topic=MODEL_REQUESTS.name,
        partition=0,
        offset=0,
        timestamp=datetime(2026, 11, 23, tzinfo=UTC),
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
    assert not await counted.has_handled("demand", "/upstream/test/r2")


async def test_whoever_may_have_been_succeeded_refuses_nothing(database):
    refusals = Refusals(database, events=EVENTS, wake=lambda *_: None)
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
    assert await counted.has_handled("demand", "/upstream/test/r1")
