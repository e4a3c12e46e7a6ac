import asyncio
import time
from contextlib import suppress

import pytest

from chassis.bus.perseverance import POISON_BOUND_S, Patience, against_poison, through_outages, told_apart
from chassis.errors import Outage
from chassis.tasks import end


async def _well() -> None:
    return None


@pytest.mark.parametrize("persevere", [lambda work: against_poison(work, _well), through_outages])
async def test_a_cancellation_is_not_tried_again(persevere):
    tries = 0

    async def work() -> None:
        nonlocal tries
        tries += 1
        await asyncio.sleep(60)

    task = asyncio.create_task(persevere(work))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await end(task)
    assert task.cancelled()
    assert tries <= 1


async def test_a_cancellation_that_a_driver_swallows_is_kept():
    begun = asyncio.Event()

    async def work() -> None:
        begun.set()
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            return  # As `asyncio.wait_for` does when the answer has just come.

    async def worker() -> None:
        while True:
            await through_outages(work, bound_s=None)

    task = asyncio.create_task(worker())
    await begun.wait()
    async with asyncio.timeout(5):
        await end(task)
    assert task.cancelled()


async def test_what_nobody_knows_is_an_outage_while_something_is_away_and_itself_otherwise():
    async def fail() -> None:
        raise RuntimeError("internal server error")

    async def away() -> str | None:
        return "documents: no room"

    with pytest.raises(Outage, match="no room"):
        await told_apart(fail, away)
    with pytest.raises(RuntimeError):
        await told_apart(fail, _well)


async def test_a_dependency_is_asked_once_however_often_something_failed():
    asked = 0

    async def probe() -> str | None:
        nonlocal asked
        asked += 1

    async def fail() -> None:
        raise RuntimeError("a bug")

    with pytest.raises(RuntimeError):
        await against_poison(fail, probe)
    assert asked == 1


def test_patience_is_used_up_by_what_fails_and_comes_back_within_a_minute(clock):
    patience = Patience(clock.monotonic)

    def fails_after(seconds, error):
        with suppress(type(error)), patience.used() as left:
            clock.pass_time(seconds)
            raise error
        return left

    assert fails_after(1.0, RuntimeError()) == pytest.approx(POISON_BOUND_S)
    assert fails_after(10.0, KeyError()) == pytest.approx(POISON_BOUND_S - 1.0, abs=0.1)
    assert patience.left_s == pytest.approx(0.0)
    clock.pass_time(30)
    assert patience.left_s == pytest.approx(POISON_BOUND_S / 2)
    clock.pass_time(60)
    assert patience.left_s == POISON_BOUND_S


def test_patience_is_not_used_up_by_outages_nor_by_what_succeeds(clock):
    patience = Patience(clock.monotonic)
    with suppress(Outage), patience.used():
        clock.pass_time(100)
        raise Outage("away")
    with patience.used():
        clock.pass_time(100)

    assert patience.left_s == POISON_BOUND_S


async def test_without_patience_it_is_tried_as_often_and_faster():
    tries = 0

    async def fail() -> None:
        nonlocal tries
        tries += 1
        raise RuntimeError("a bug")

    begun = time.monotonic()
    with pytest.raises(RuntimeError):
        await against_poison(fail, _well, bound_s=0.0)
    assert tries == 5
    assert time.monotonic() - begun < 0.5
