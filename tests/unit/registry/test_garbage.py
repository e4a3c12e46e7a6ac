"""Copies that nothing needs go; whoever comes to need one at the same moment has it whole."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from itertools import combinations_with_replacement
from types import SimpleNamespace

import pytest

from chassis.errors import AssignmentLost
from services.registry.garbage.uploads import Uploads
from tests.unit.chassis.dated_objects import NOW, Died
from tests.unit.registry.collecting import COPY, DAY, DIGEST, OTHER, World
from tests.unit.registry.fakes import delivery


@pytest.fixture
def world() -> World:
    return World()


async def test_an_old_copy_that_nothing_needs_goes_and_nothing_beside_it(world):
    others = [f"s3://models/sha256/{OTHER}/a/b", "s3://models/sha256/notes.txt", f"s3://models/incoming/{DIGEST}/a"]
    world.versions.digests.add(OTHER)
    world.objects.put(COPY, f"s3://models/sha256/{DIGEST}/data/x", *others)
    await world.collect()
    assert sorted(world.objects.modified) == sorted(others)
    assert "removing" not in world.turn.documents["garbage"]


@pytest.mark.parametrize(("hours", "goes"), [(0, False), (23.9, False), (24.1, True)])
async def test_a_copy_is_judged_by_its_youngest_object(world, hours, goes):
    world.objects.put(COPY)
    world.objects.put(f"s3://models/sha256/{DIGEST}/data/x", hours=hours)
    await world.collect()
    assert bool(world.objects.modified) is not goes


async def _in_a_registration(world) -> None:
    asked = delivery()
    await world.accept(asked)
    await world.waiting.rely_on(asked.request_key, OTHER)
    await world.waiting.rely_on(asked.request_key, DIGEST)


async def _in_an_outbox(world) -> None:
    await world.models.insert_one({"_id": "demand", "_outbox": [{"value": DIGEST}], "_outbox_since": NOW})


async def _in_a_version(world) -> None:
    world.versions.digests.add(DIGEST)


async def _in_a_fact(world) -> None:
    world.facts.say("ml.model.events", f'{{"artifact":{{"uri":"{COPY}"}}}}')


@pytest.mark.parametrize("needed", [_in_a_registration, _in_an_outbox, _in_a_version, _in_a_fact])
async def test_a_copy_stays_wherever_it_is_needed(world, needed):
    world.objects.put(COPY)
    await needed(world)
    await world.collect()
    assert COPY in world.objects.modified


@pytest.mark.parametrize("needed", [_in_a_registration, _in_an_outbox, _in_a_version])
async def test_it_is_decided_anew_right_before_it_is_removed(world, needed):
    world.objects.put(COPY)
    [heap] = [each async for each in world.copies.heaps(NOW)]
    await needed(world)
    turn = await world.turns.take()
    assert (await world.copies.remove(heap, NOW, turn)).objects == 0
    assert COPY in world.objects.modified


@pytest.mark.parametrize("places", [*combinations_with_replacement(("registration", "outbox", "version"), 3)])
async def test_what_moves_on_while_it_is_looked_for_is_found(world, places):
    """It is in one place at each question, the same as at the one before or a later one."""
    now_at = iter(places)

    async def is_in(place):
        return next(now_at) == place

    async def using(digests):
        return set(digests) if await is_in("version") else set()

    async def naming(digests):
        return set(digests) if await is_in("outbox") else set()

    waiting = SimpleNamespace(relying_on=lambda _: is_in("registration"))
    unpublished = SimpleNamespace(naming=naming)
    copies = replace(world.copies, waiting=waiting, unpublished=unpublished, versions=SimpleNamespace(using=using))
    assert await copies._is_needed(DIGEST)


@pytest.mark.parametrize("point", [0, 1, 2])
async def test_who_waits_for_a_collector_that_died_goes_on_after_its_lease(world, point):
    keys = [f"s3://models/sha256/{DIGEST}/{each}" for each in "abc"]
    world.objects.put(*keys)
    world.objects.dies_after = point
    with pytest.raises(Died):
        await world.collect()
    assert world.turn.documents["garbage"]["removing"] == DIGEST

    asked = delivery()
    await world.accept(asked)
    async with asyncio.timeout(5):
        await world.register(asked, "demand")
    assert COPY in world.objects.modified

    world.objects.dies_after = None
    await world.collect()
    assert COPY in world.objects.modified


async def test_a_collector_whose_turn_was_taken_over_removes_nothing_more(world):
    world.objects.put(COPY)
    turn = await world.turns.take()
    async with asyncio.timeout(5):
        while (taken := await world.others.take()) is None:
            await asyncio.sleep(0.05)
    with pytest.raises(AssignmentLost):
        await world.remove(turn)
    assert COPY in world.objects.modified
    await taken.end(NOW)


async def test_a_registration_that_was_answered_by_somebody_else_relies_on_nothing(world):
    with pytest.raises(AssignmentLost):
        await world.relied_on.rely_on(delivery(), DIGEST)


class FakeUploads:
    def __init__(self, **hours) -> None:
        self.hours, self.given_up = hours, []

    async def uploads(self, prefix):
        assert str(prefix) == "s3://models/sha256/"
        for name, hours in self.hours.items():
            begun_at = None if hours is None else NOW - timedelta(hours=hours)
            yield SimpleNamespace(location=prefix / name, upload_id=name, begun_at=begun_at)

    async def give_up(self, upload):
        self.given_up.append(upload.upload_id)


async def test_uploads_that_were_begun_more_than_a_day_ago_are_given_up():
    objects = FakeUploads(old=25, young=23, dateless=None)
    kind = Uploads(objects=objects, after=DAY)
    live = SimpleNamespace(ensure_live=lambda: None)
    for heap in [each async for each in kind.heaps(NOW)]:
        await kind.remove(heap, NOW, live)
    assert objects.given_up == ["old"]
