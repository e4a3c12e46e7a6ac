"""Who claims what, and when somebody else's work may be taken over."""

import pytest

from chassis.errors import DocumentsUnavailable
from services.executor.domain.ending import Failed
from services.executor.domain.execution import HEAD_START
from services.executor.domain.terms import Tenure
from services.executor.usecases.claim_execution import ClaimExecution
from tests.unit.executor.fakes import FakeExecutions, HeldClock, OpenDoor
from tests.unit.executor.requests import EXECUTION_ID, queued


@pytest.fixture
def store():
    return FakeExecutions()


@pytest.fixture
def clock():
    return HeldClock()


@pytest.fixture
def claimer(store, clock):
    return lambda owner: ClaimExecution(
        executions=store, overview=store, door=OpenDoor(), clock=clock, owner=owner, lease_s=15.0
    )


async def put(store, *executions):
    for each in executions:
        await store.change(each.execution_id, lambda _, new=each: new, None)


def numbered(number, **said):
    return queued(execution_id=f"00000000-0000-4000-8000-00000000000{number}", **said)


async def test_by_hand_comes_before_events_and_backfills_last(store, claimer):
    await put(store, numbered(1, trigger="backfill"), numbered(2, trigger="event"), numbered(3, trigger="manual"))
    claimed = [(await claimer(owner)()).resolved.trigger for owner in "abc"]

    assert claimed == ["manual", "event", "backfill"]


async def test_what_has_waited_for_long_comes_before_what_is_more_urgent_and_new(store, clock, claimer):
    await put(store, numbered(1, trigger="backfill", at=clock.now()))
    clock.pass_time(2 * HEAD_START.total_seconds() + 1)
    await put(store, numbered(2, trigger="manual", at=clock.now()), numbered(3, trigger="event", at=clock.now()))

    claimed = [(await claimer(owner)()).resolved.trigger for owner in "abc"]

    assert claimed == ["backfill", "manual", "event"]


async def test_nothing_is_claimed_before_its_pause_is_over(store, clock, claimer):
    execution = queued()
    execution.claimable_at = clock.now().replace(second=2)
    await put(store, execution)

    assert await claimer("a")() is None
    clock.pass_time(3)
    assert (await claimer("a")()).attempt == 1


@pytest.mark.parametrize("off_s", [-300, 300])
async def test_a_clock_that_is_minutes_off_makes_nobody_wait_for_minutes(store, clock, claimer, off_s):
    theirs = HeldClock()
    theirs.pass_time(off_s)
    failing = numbered(1, at=theirs.now())
    failing.start("x", theirs.now())
    failing.finish(Tenure("x", 1), Failed(code="store-unavailable", message="away", retryable=True), theirs.now())
    await put(store, failing, numbered(2, at=theirs.now()))

    assert await claimer("a")() is not None
    assert await claimer("b")() is not None


async def test_a_living_owner_keeps_its_execution_and_a_silent_one_loses_it(store, clock, claimer):
    await put(store, queued())
    await claimer("a")()
    other = claimer("b")
    for _ in range(10):
        assert await other() is None
        clock.pass_time(10)
        await store.beat(EXECUTION_ID, Tenure("a", 1))

    assert await other() is None
    clock.pass_time(15)
    taken = await other()
    assert (taken.owner, taken.attempt) == ("b", 2)


async def test_an_outage_is_no_silence(store, clock, claimer):
    await put(store, queued())
    await claimer("a")()
    other = claimer("b")
    await other()
    store.away = True
    clock.pass_time(14)
    with pytest.raises(DocumentsUnavailable):
        await other()
    store.away = False
    clock.pass_time(5)

    assert await other() is None


async def test_who_has_not_looked_for_long_watches_anew(store, clock, claimer):
    await put(store, queued())
    await claimer("a")()
    other = claimer("b")
    await other()
    clock.pass_time(100)

    assert await other() is None


async def test_who_has_watched_without_a_driver_takes_over_as_soon_as_it_has_one(store, clock, claimer):
    held = queued()
    held.start("gone", clock.now())
    await put(store, held)
    waiting = claimer("b")
    for _ in range(16):
        await waiting.watch()
        clock.pass_time(1)

    assert (await store.load(EXECUTION_ID)).attempt == 1
    assert (await waiting()).attempt == 2


async def test_an_outage_while_watching_is_no_silence(store, clock, claimer):
    held = queued()
    held.start("gone", clock.now())
    await put(store, held)
    waiting = claimer("b")
    await waiting.watch()
    store.away = True
    with pytest.raises(DocumentsUnavailable):
        await waiting.watch()
    store.away = False
    clock.pass_time(16)
    assert await waiting() is None


async def test_a_claim_whose_answer_was_lost_is_found_again(store, claimer):
    await put(store, queued())
    mine = claimer("a")
    first = await mine()

    assert (await mine()).attempt == first.attempt == 1
