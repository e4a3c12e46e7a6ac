"""Who has yet to begin gets a slot, however many go on after a rest."""

import asyncio

import pytest

from chassis.tasks import end
from services.registry.slots import Slots


@pytest.mark.parametrize(("count", "bad"), [(1, 1), (1, 5), (2, 4), (4, 20)])
async def test_those_that_rested_leave_a_slot_to_who_has_yet_to_begin(count, bad):
    slots, busy, most = Slots(count, freed=lambda: None), 0, 0

    async def fail() -> None:
        nonlocal busy, most
        slot = await slots.take()
        while True:
            busy += 1
            most = max(most, busy)
            await asyncio.sleep(0.002)
            busy -= 1
            await slot.rest(0)

    failing = [asyncio.create_task(fail()) for _ in range(bad)]
    await asyncio.sleep(0.2)
    for _ in range(200):
        assert not slots.are_taken
        await asyncio.sleep(0)
    (await slots.take()).end()
    for each in failing:
        await end(each)
    assert most <= max(count, 2)


async def test_who_is_stopped_while_it_waits_to_go_on_leaves_all_slots_free():
    slots = Slots(2, freed=lambda: None)
    resting = await slots.take()
    going_on = asyncio.create_task(resting.rest(0))
    await asyncio.sleep(0)
    others = [await slots.take(), await slots.take()]
    await asyncio.sleep(0.01)
    await end(going_on)
    resting.end()
    for each in others:
        each.end()

    rested = await slots.take()
    await rested.rest(0)
    assert not slots.are_taken
    rested.end()
    kept = [await slots.take(), await slots.take()]
    assert slots.are_taken
    assert len(kept) == 2
