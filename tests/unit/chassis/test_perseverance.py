import asyncio

import pytest

from chassis.bus.perseverance import against_poison, through_outages, told_apart
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
