"""Leases, order and ends of waiting requests, on the real document store."""

import asyncio
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import partial

import pytest
import pytest_asyncio

from chassis.bus.request_key import RequestKey
from chassis.clock import SystemClock
from chassis.documents.client import connect
from chassis.errors import ObjectsUnavailable
from chassis.settings import MongoSettings
from chassis.tasks import end
from schemas.models import ModelRegistrationRequested
from schemas.topics import MODEL_REQUESTS
from services.registry.refusals import ArtifactMissing
from services.registry.slots import Patience, Slots
from services.registry.waiting import Registrations
from services.registry.worker import Desk, Worker
from tests.unit.registry.fakes import delivery
from tests.unit.registry.requests import registration

LEASE_S = 0.6


@pytest_asyncio.fixture
async def registrations(mongo: MongoSettings, new_name):
    client = connect(mongo)
    name = new_name()
    made = Registrations(client[name]["registrations"], client[name]["queues"])
    await made.prepare()
    yield made
    await client.drop_database(name)
    await client.close()


class Office:
    """Stands for use cases and refusals; remembers what happened. `work` is what an answer takes."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.done: set[str] = set()
        self.refused: dict[str, str] = {}
        self.away: str | None = None
        self.work: Callable[[ModelRegistrationRequested], object] = lambda _: asyncio.sleep(0.05)

    async def answer(self, event, delivery) -> None:
        self.log.append(("begin", event.name))
        await self.work(event)
        delivery.ensure_live()
        self.done.add(delivery.request_key)
        self.log.append(("end", event.name))

    async def is_done(self, subject, request_key) -> bool:
        return request_key in self.done

    async def has_refused(self, request_key) -> bool:
        return request_key in self.refused

    async def refuse(self, delivery, message, refusal, topic) -> None:
        assert topic is MODEL_REQUESTS
        self.refused[delivery.request_id] = refusal.code

    @asynccontextmanager
    async def worker(self, registrations, *, owner="one", slots=2, max_attempts=5, alone_s=60.0):
        desk = Desk(
            answers={ModelRegistrationRequested: self.answer},
            answered={MODEL_REQUESTS.name: self.is_done},
            refuser=self,
            probe=self._probe,
        )
        worker = Worker(
            registrations,
            desk,
            clock=SystemClock(),
            owner=owner,
            lease_s=LEASE_S,
            slots=Slots(slots, freed=registrations.wake, patience=Patience(0.3, 0.4, alone_s)),
            max_attempts=max_attempts,
        )
        running = asyncio.create_task(worker.run())
        yield running
        await end(running)

    async def _probe(self) -> str | None:
        return self.away


@pytest.fixture
def office() -> Office:
    return Office()


async def append(registrations, name, *, model_id="demand", **at) -> str:
    where = delivery(**at)
    where = type(where)(**{**vars(where), "envelope": _typed(where.envelope)})
    await registrations.append(registration(model_id=model_id, name=name), where)
    return where.request_id


def _typed(envelope):
    return type(envelope)(**{**vars(envelope), "type": ModelRegistrationRequested.event_type})


async def drained(registrations) -> None:
    await until(lambda: registrations.collection.find_one({}), present=False)


async def until(look, *, present=True) -> None:
    deadline = time.monotonic() + 20
    while (await look() is not None) is not present:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


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
    where = delivery()
    where = type(where)(**{**vars(where), "envelope": _typed(where.envelope)})
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
        await until(lambda: registrations.collection.find_one({"lease.owner": "one"}))
        await registrations.collection.update_one({}, {"$set": {"lease.owner": "two", "lease.fence": 2}})
        await asyncio.sleep(LEASE_S)
        assert ("begin", "stolen") in office.log
        assert await registrations.collection.find_one({"lease.owner": "two"})
    assert office.done == set()
    assert office.refused == {}


async def test_stopping_gives_the_work_back_at_once(registrations, office):
    await append(registrations, "handed over")
    office.work = lambda _: asyncio.sleep(60)
    async with office.worker(registrations, owner="one"):
        await until(lambda: registrations.collection.find_one({"lease.owner": "one"}))
    assert await registrations.collection.find_one({"lease.owner": None, "lease.fence": 1})


async def test_giving_back_is_no_attempt_however_often_it_happens(registrations, office):
    await append(registrations, "long copy")
    office.work = lambda _: asyncio.sleep(60)
    for number in range(3):
        async with office.worker(registrations, owner=f"stopped {number}", max_attempts=2):
            await until(partial(registrations.collection.find_one, {"lease.owner": f"stopped {number}"}))
    office.work = lambda _: asyncio.sleep(0)
    async with office.worker(registrations, max_attempts=2):
        await drained(registrations)
    assert (office.refused, len(office.done)) == ({}, 1)


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
