"""A collector and registrations of the same bytes, in very many orders."""

import asyncio
import random

from tests.unit.chassis.collection import MemoryCollection
from tests.unit.chassis.dated_objects import DatedObjects
from tests.unit.registry.collecting import COPY, Versions, World
from tests.unit.registry.fakes import delivery

SEEDS = 600


class Slow(MemoryCollection):
    """Takes a while for each of its steps, before it is done or behind it; now long, now short."""

    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    async def find_one(self, which, projection=None):
        await _a_while(self._chance)
        found = await super().find_one(which, projection)
        await _a_while(self._chance)
        return found

    async def update_one(self, which, update, *, upsert=False):
        await _a_while(self._chance)
        return await super().update_one(which, update, upsert=upsert)


class SlowVersions(Versions):
    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    async def using(self, digests) -> set[str]:
        found = await super().using(digests)
        await _a_while(self._chance)
        return found


class SlowObjects(DatedObjects):
    def __init__(self, chance: random.Random) -> None:
        super().__init__()
        self._chance = chance

    async def remove(self, location) -> None:
        await _a_while(self._chance)
        await super().remove(location)


async def _a_while(chance: random.Random) -> None:
    for _ in range(chance.choice((0, 0, 1, 3, 9, 60))):
        await asyncio.sleep(0)


async def raced(seed: int) -> World:
    """Two models with the same bytes are registered while a collector passes, in one of very many orders."""
    chance = random.Random(seed)  # noqa: S311
    world = World(SlowObjects(chance), SlowVersions(chance), lambda: Slow(chance))
    world.objects.put(COPY)
    asked = [delivery(), delivery()]
    for each in asked:
        await world.accept(each)

    async def registering(each, model_id):
        for _ in range(3):
            await _a_while(chance)
        await world.register(each, model_id)

    await asyncio.gather(world.collect(), *(registering(each, each.request_id) for each in asked))
    return world


async def test_in_whatever_order_things_happen_a_version_has_its_bytes():
    removed = set()
    for seed in range(SEEDS):
        world = await raced(seed)
        assert COPY in world.objects.modified, f"seed {seed}"
        removed.add(bool(world.objects.removed))
    assert removed == {True, False}, "the orders that were tried are all alike"
