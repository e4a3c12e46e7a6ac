"""What becomes of a waiting request that fails, is refused, or was answered before, on the real document store."""

import asyncio
import time

from chassis.bus.request_key import RequestKey
from chassis.errors import ObjectsUnavailable
from services.registry.refusals import ArtifactMissing
from tests.integration.registry.office import LEASE_S, append, drained, until


async def test_an_outage_is_waited_out_and_refuses_nothing(registrations, office):
    await append(registrations, "patient")
    tries = 0

    async def away(_) -> None:
        nonlocal tries
        tries += 1
        if tries < 4:
            raise ObjectsUnavailable("away")

    office.work = away
    async with office.worker(registrations):
        await drained(registrations)
    assert (office.refused, len(office.done)) == ({}, 1)


async def fail(event) -> None:
    if event.name != "good":
        raise ObjectsUnavailable("InternalError at s3://models/incoming/x")


async def test_what_keeps_failing_is_in_nobodys_way(registrations, office):
    for number in range(4):
        await append(registrations, "bad", model_id=f"bad-{number}")
    office.work = fail
    async with office.worker(registrations, slots=2):
        await until(lambda: registrations.collection.find_one({"lease.owner": "one"}))
        await append(registrations, "good")
        began = time.monotonic()
        await until(lambda: registrations.collection.find_one({"about": "model/demand"}), present=False)
        assert time.monotonic() - began < 5
        assert len(await registrations.collection.find({"lease.owner": "one"}).to_list()) == 4
    assert office.refused == {}


async def test_what_fails_alone_is_refused_in_the_end(registrations, office):
    bad = await append(registrations, "bad", model_id="bad")
    office.work = fail
    async with office.worker(registrations, alone_s=1.5):
        await drained(registrations)
    assert office.refused == {bad: "registration-failed"}


async def test_what_fails_with_all_others_is_never_refused(registrations, office):
    await append(registrations, "bad", model_id="bad")
    office.work, office.away = fail, "objects: no answer"
    async with office.worker(registrations, alone_s=0.5):
        await asyncio.sleep(2)
        assert office.refused == {}
        office.away, office.work = None, lambda _: asyncio.sleep(0)
        await drained(registrations)
    assert (office.refused, len(office.done)) == ({}, 1)


async def test_who_rests_keeps_its_lease_and_gives_it_back_when_it_is_stopped(registrations, office):
    await append(registrations, "bad", model_id="bad")
    office.work = fail
    async with office.worker(registrations):
        await asyncio.sleep(LEASE_S * 4)
        assert await registrations.collection.find_one({"lease.owner": "one", "lease.fence": 1})
    assert await registrations.collection.find_one({"lease.owner": None, "lease.fence": 1})


async def test_a_refusal_is_an_answer_and_the_next_one_is_worked_on(registrations, office):
    first = await append(registrations, "bad")
    await append(registrations, "good")

    async def work(event) -> None:
        if event.name == "bad":
            raise ArtifactMissing("nothing there")

    office.work = work
    async with office.worker(registrations):
        await drained(registrations)
    assert office.refused == {first: "artifact-missing"}
    assert office.log[-1] == ("end", "good")


async def test_what_fails_for_ever_is_refused_in_the_end(registrations, office):
    poisoned = await append(registrations, "poison")

    async def work(_) -> None:
        raise KeyError("a bug")

    office.work = work
    async with office.worker(registrations):
        await drained(registrations)
    assert office.refused == {poisoned: "registration-failed"}
    assert len(office.log) > 1


async def test_what_takes_every_worker_with_it_is_refused_in_the_end(registrations, office):
    deadly = await append(registrations, "deadly")
    lease = {"owner": None, "beat": 0, "fence": 5}
    await registrations.collection.update_one({}, {"$set": {"lease": lease}})
    async with office.worker(registrations, max_attempts=5):
        await drained(registrations)
    assert office.refused == {deadly: "registration-failed"}
    assert office.log == []


async def test_what_has_been_answered_is_only_struck_off(registrations, office):
    for name in ("granted", "refused"):
        request_id = await append(registrations, name)
        key = RequestKey.of(client="anonymous", source="/upstream/test", request_id=request_id)
        if name == "granted":
            office.done.add(key)
        else:
            office.refused[key] = "artifact-missing"
    async with office.worker(registrations):
        await drained(registrations)
    assert office.log == []
