"""Leases and order of waiting requests, on the real document store."""

import asyncio
import time
from datetime import UTC, datetime
from functools import partial

from tests.integration.registry.office import LEASE_S, append, delivered, drained, until
from tests.unit.registry.requests import registration


async def test_one_subjects_requests_are_answered_in_order_of_arrival(registrations, office):
    for offset in (12, 3, 100, 9):
        await append(registrations, str(offset), offset=offset)
    async with office.worker(registrations):
        await drained(registrations)
    assert office.log == [(what, str(offset)) for offset in (3, 9, 12, 100) for what in ("begin", "end")]


async def test_whoever_waits_longest_is_next_wherever_it_arrived(registrations, office):
    for number, partition in enumerate((3, 0, 2, 1)):
        at = datetime(2026, 11, 23, 6, 0, number, tzinfo=UTC)
        await append(registrations, str(number), model_id=f"m{number}", partition=partition, timestamp=at)
    async with office.worker(registrations, slots=1):
        await drained(registrations)
    assert [name for what, name in office.log if what == "begin"] == ["0", "1", "2", "3"]


async def test_several_subjects_are_worked_on_at_once_but_no_more_than_there_are_slots(registrations, office):
    for model_id in ("a1", "b2", "c3"):
        await append(registrations, model_id, model_id=model_id)
    async with office.worker(registrations, slots=2):
        await drained(registrations)
    assert [what for what, _ in office.log[:3]] == ["begin", "begin", "end"]


async def test_a_request_that_is_delivered_again_waits_once(registrations, office):
    where = delivered()
    for _ in range(2):
        await registrations.append(registration(), where)
    assert await registrations.collection.count_documents({}) == 1
    assert await registrations.has(where.request_key)
    assert await registrations.has_about(registration(), where)
    assert not await registrations.has_about(registration(model_id="other"), where)


async def test_a_lease_that_beats_is_respected_however_long_the_work_takes(registrations, office):
    await append(registrations, "long")
    office.work = lambda _: asyncio.sleep(4 * LEASE_S)
    async with office.worker(registrations, owner="one"), office.worker(registrations, owner="two"):
        await drained(registrations)
    assert office.log == [("begin", "long"), ("end", "long")]


async def test_a_silent_owners_work_is_taken_over(registrations, office):
    await append(registrations, "orphan")
    lease = {"owner": "dead", "beat": 3, "fence": 1}
    await registrations.collection.update_one({}, {"$set": {"lease": lease}})
    started = time.monotonic()
    async with office.worker(registrations):
        await drained(registrations)
    assert time.monotonic() - started >= LEASE_S
    assert office.log[-1] == ("end", "orphan")


async def test_whoever_loses_the_lease_stops_and_answers_nothing(registrations, office):
    await append(registrations, "stolen")
    office.work = lambda _: asyncio.sleep(60)
    async with office.worker(registrations):
        await until(office.has_begun)
        await registrations.collection.update_one({}, {"$set": {"lease.owner": "two", "lease.fence": 2}})
        await asyncio.sleep(LEASE_S)
        assert await registrations.collection.find_one({"lease.owner": "two"})
    assert office.done == set()
    assert office.refused == {}


async def test_stopping_gives_the_work_back_at_once(registrations, office):
    await append(registrations, "handed over")
    office.work = lambda _: asyncio.sleep(60)
    async with office.worker(registrations, owner="one"):
        await until(office.has_begun)
    assert await registrations.collection.find_one({"lease.owner": None, "lease.fence": 1})


async def test_giving_back_is_no_attempt_however_often_it_happens(registrations, office):
    await append(registrations, "long copy")
    office.work = lambda _: asyncio.sleep(60)
    for number in range(3):
        async with office.worker(registrations, owner=f"stopped {number}", max_attempts=2):
            await until(partial(office.has_begun, number + 1))
    office.work = lambda _: asyncio.sleep(0)
    async with office.worker(registrations, max_attempts=2):
        await drained(registrations)
    assert (office.refused, len(office.done)) == ({}, 1)
