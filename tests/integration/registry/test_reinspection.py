"""Who inspects which version again and when, on the real document store."""

import asyncio
import time
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import pytest_asyncio

from chassis.clock import SystemClock
from chassis.documents.client import connect
from chassis.documents.leases import claim
from chassis.errors import ObjectsUnavailable
from chassis.object_errors import ObjectMissing
from chassis.tasks import end
from services.registry.domain.inspection import RULES, Verdict, reason
from services.registry.due import Due
from services.registry.refusals import NotInspected
from services.registry.reinspection import Pace, Reinspection, Task
from services.registry.store import Versions

LEASE_S = 0.6
QUICK = Pace(pause_s=0, look_again_s=0.05, seek_every_s=0.2, put_off_s=3600)


@pytest_asyncio.fixture
async def office(mongo, new_name):
    client = connect(mongo)
    name = new_name()
    yield Office(client[name])
    await client.drop_database(name)
    await client.close()


class Office:
    """Versions as earlier releases stored them, and inspections that come to what a test says."""

    def __init__(self, database):
        self.versions = Versions(database["model_versions"])
        self.models = database["models"]
        self.due = Due(database["inspections"], self.models)
        self.log: list[str] = []
        self.finds: dict[str, list[object]] = {}
        self.takes_s = 0.0
        self.somebody_waits = False
        self.away: str | None = None

    async def store(self, *which, **said):
        for each in which:
            model_id, number = each.split("/")
            await self.versions.collection.insert_one(
                {"_id": each, "model_id": model_id, "version": int(number), "state": "active", **said}
            )

    async def inspect(self, which):
        if (await self.noted()).get(which, 0) >= RULES:
            return None
        self.log.append(which)
        await asyncio.sleep(self.takes_s)
        found = self.finds.get(which, [])
        what = found.pop(0) if found else None
        if isinstance(what, Exception):
            raise what
        await self.versions.note(which, RULES)
        return Verdict(rules=RULES, at=datetime.now(UTC), unfit=what)

    @asynccontextmanager
    async def working(self, *, owner="one", pace=QUICK, max_attempts=5):
        task = Task(
            seek=self.versions.inspected_before,
            inspect=self.inspect,
            nobody_waits=self._nobody_waits,
            probe=self._probe,
        )
        made = Reinspection(
            self.due, task, clock=SystemClock(), owner=owner, lease_s=LEASE_S, max_attempts=max_attempts, pace=pace
        )
        running = asyncio.create_task(made.run())
        yield running
        await end(running)

    async def waiting(self) -> list[str]:
        return [each["_id"] for each in await self.due.collection.find({}).to_list()]

    async def noted(self) -> dict[str, int]:
        found = await self.versions.collection.find({"inspected_by": {"$lt": 1000}}).to_list()
        return {each["_id"]: each["inspected_by"] for each in found}

    async def _nobody_waits(self):
        return not self.somebody_waits

    async def _probe(self):
        return self.away


async def until(holds) -> None:
    deadline = time.monotonic() + 20
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def drained(office, count) -> None:
    async def is_drained():
        return len(await office.noted()) == count and not await office.waiting()

    await until(is_drained)


async def test_what_earlier_rules_took_is_inspected_once_each(office):
    await office.store("a/1", "a/2")
    await office.store("b/1", inspected_by=RULES - 1)
    await office.store("c/1", inspected_by=RULES)
    await office.store("d/1", inspected_by=RULES + 1)
    await office.versions.collection.insert_one({"_id": "e/1", "model_id": "e", "version": 1, "state": "archived"})
    async with office.working():
        await drained(office, 5)
        await asyncio.sleep(0.5)
    assert sorted(office.log) == ["a/1", "a/2", "b/1"]


async def test_what_an_alias_points_at_comes_first_then_the_newest_versions(office):
    await office.store("a/1", "a/2", "a/10", "b/1", "b/2")
    alias = {"alias": "production", "scope": {}, "version": 1}
    await office.models.insert_one({"_id": "b", "aliases": [alias]})
    await office.models.insert_one({"_id": "a", "aliases": []})
    async with office.working():
        await drained(office, 5)
    assert office.log == ["b/1", "a/10", "a/2", "b/2", "a/1"]


async def test_two_registries_share_the_work_and_do_none_of_it_twice(office):
    names = [f"a/{number}" for number in range(1, 31)]
    await office.store(*names)
    office.takes_s = 0.02
    async with office.working(), office.working(owner="two"):
        await drained(office, 30)
    assert sorted(office.log) == sorted(names)


async def test_an_inspection_that_takes_longer_than_a_lease_stays_its_owners(office):
    await office.store("a/1")
    office.takes_s = 3 * LEASE_S
    async with office.working(), office.working(owner="two"):
        await drained(office, 1)
    assert office.log == ["a/1"]


async def test_what_a_killed_registry_had_in_hand_is_another_ones(office):
    await office.store("a/1")
    await office.due.add(["a/1"], RULES)
    assert await claim(office.due.collection, await office.due.read("a/1"), "killed") is not None
    async with office.working():
        await drained(office, 1)
    assert office.log == ["a/1"]


async def test_one_that_stops_gives_back_what_it_has_in_hand(office):
    await office.store("a/1")
    office.takes_s = 60
    async with office.working():
        await until(lambda: _has(office.log))
    document = await office.due.read("a/1")
    assert (document["lease"]["owner"], document["lease"]["returned"]) == (None, 1)


async def test_while_somebody_waits_for_an_answer_nothing_is_inspected(office):
    await office.store("a/1")
    office.somebody_waits = True
    async with office.working():
        await asyncio.sleep(0.5)
        assert office.log == []
        office.somebody_waits = False
        await drained(office, 1)


async def test_there_is_a_pause_after_each(office):
    await office.store(*(f"a/{number}" for number in range(1, 5)))
    began = time.monotonic()
    async with office.working(pace=replace(QUICK, pause_s=0.3)):
        await drained(office, 4)
    assert time.monotonic() - began >= 3 * 0.3


async def test_a_store_that_is_away_is_waited_for_and_is_no_verdict(office):
    await office.store("a/1")
    office.away, office.finds["a/1"] = "objects", [ObjectsUnavailable("away")] * 2
    async with office.working():
        await drained(office, 1)
    assert office.log == ["a/1"] * 3


async def test_a_missing_sandbox_is_waited_for_and_is_no_verdict(office):
    await office.store("a/1", "a/2")
    office.finds["a/2"] = [NotInspected("no bubblewrap")]
    async with office.working():
        await drained(office, 2)
    assert sorted(office.log) == ["a/1", "a/2", "a/2"]


@pytest.mark.parametrize(
    "error", [ObjectMissing("gone"), ObjectsUnavailable("at this object alone"), ValueError("bug")]
)
async def test_what_fails_alone_is_put_off_and_keeps_nobody_from_their_turn(office, error):
    await office.store("a/1", "a/2")
    office.finds["a/2"] = [error]
    async with office.working():
        await until(lambda: _has(office.log, 2))
        await asyncio.sleep(0.4)
        assert office.log == ["a/2", "a/1"]
    assert (await office.waiting(), await office.noted()) == (["a/2"], {"a/1": RULES})

    now = datetime.now(UTC)
    assert (await office.due.waiting(RULES, now, at_most=9)).next == []
    assert (await office.due.waiting(RULES, now + timedelta(hours=2), at_most=9)).next == ["a/2"]


async def test_what_takes_one_registry_after_another_with_it_is_put_off(office):
    await office.store("a/1")
    await office.due.add(["a/1"], RULES)
    for number in range(2):
        assert await claim(office.due.collection, await office.due.read("a/1"), f"killed {number}") is not None
    async with office.working(max_attempts=2):
        await until(lambda: _is_put_off(office, "a/1"))
    assert office.log == []


async def test_a_registry_of_before_leaves_later_rules_work_alone(office):
    await office.due.add(["a/1"], RULES)
    await office.due.add(["a/2"], RULES + 1)
    assert (await office.due.waiting(RULES, datetime.now(UTC), at_most=9)).next == []
    assert (await office.due.waiting(RULES + 1, datetime.now(UTC), at_most=9)).next == ["a/2", "a/1"]


async def test_as_many_as_there_are_wait_once_each_and_are_listed_some_at_a_time(office):
    names = [f"m{number}/1" for number in range(1_200)]
    for _ in range(2):
        await office.due.add(names, RULES)
    waiting = await office.due.waiting(RULES, datetime.now(UTC), at_most=100)
    assert (len(waiting.next), waiting.count) == (100, 1_200)


async def test_an_unfit_one_is_done_too(office):
    await office.store("a/1")
    office.finds["a/1"] = [reason("model-unsupported", "no")]
    async with office.working():
        await drained(office, 1)
    assert office.log == ["a/1"]


async def _has(log, count=1):
    return len(log) >= count


async def _is_put_off(office, which):
    document = await office.due.read(which)
    return document is not None and document.get("not_before") is not None
