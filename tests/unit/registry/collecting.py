"""A registry's stores in memory, who registers there, and who collects."""

import asyncio
from datetime import timedelta

from chassis.clock import SystemClock
from chassis.garbage.turn import Turns
from services.registry.garbage.copies import Copies, Unpublished
from services.registry.garbage.relied import ReliedOn
from services.registry.waiting import Registrations
from tests.unit.chassis.collection import MemoryCollection
from tests.unit.chassis.dated_objects import NOW, DatedObjects, Facts

DAY = timedelta(days=1)
DIGEST, OTHER = "a" * 64, "b" * 64
COPY = f"s3://models/sha256/{DIGEST}/model.pkl"


class Versions:
    """The digests of versions that have a document."""

    def __init__(self) -> None:
        self.digests: set[str] = set()

    async def using(self, digests) -> set[str]:
        await asyncio.sleep(0)
        return self.digests & set(digests)


class World:
    """A registry's stores in memory. `turns` are those of a collector, `others` of whoever registers."""

    def __init__(self, objects=None, versions=None, collection=MemoryCollection) -> None:
        self.objects, self.facts, self.versions = objects or DatedObjects(), Facts(), versions or Versions()
        self.models, self.registrations, self.turn = collection(), collection(), collection()
        self.waiting = Registrations(self.registrations, MemoryCollection())
        clock = SystemClock()
        self.turns, self.others = (Turns(self.turn, clock=clock, owner=each, lease_s=0.5) for each in ("c", "r"))
        self.relied_on = ReliedOn(self.waiting, self.others)
        self.copies = Copies(
            objects=self.objects,
            waiting=self.waiting,
            unpublished=Unpublished(self.models),
            versions=self.versions,
            facts=self.facts,
            after=DAY,
        )

    async def heaps(self) -> list[str]:
        return [heap.name async for heap in self.copies.heaps(NOW)]

    async def collect(self) -> None:
        turn = await self.turns.take()
        await self.remove(turn)
        await turn.end(NOW)

    async def remove(self, turn) -> None:
        async for heap in self.copies.heaps(NOW):
            await self.copies.remove(heap, NOW, turn)

    async def accept(self, asked) -> None:
        await self.registrations.insert_one({"_id": asked.request_key.text})

    async def register(self, asked, model_id: str) -> None:
        """As the worker does it: what lies there is taken for good if it is whole, and a version is made."""
        await self.relied_on.rely_on(asked, DIGEST)
        if COPY not in self.objects.modified:
            await asyncio.sleep(0)
            self.objects.put(COPY, hours=0)
        await asyncio.sleep(0)
        outbox = [{"value": f'{{"artifact":{{"sha256":"{DIGEST}"}}}}'}]
        await self.models.insert_one({"_id": model_id, "_outbox": outbox, "_outbox_since": NOW})
        await asyncio.sleep(0)
        await self.registrations.delete_one({"_id": asked.request_key.text})
        await asyncio.sleep(0)
        await self.publish(model_id)

    async def publish(self, model_id: str) -> None:
        await asyncio.sleep(0)
        self.versions.digests.add(DIGEST)
        await asyncio.sleep(0)
        await self.models.update_one({"_id": model_id}, {"$set": {"_outbox": []}, "$unset": {"_outbox_since": ""}})
