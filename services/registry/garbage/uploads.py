"""Uploads in parts that died on their way to `sha256/`: no listing shows them, and their parts take room.

Giving one up that somebody still sends makes that copy fail, and it is copied anew; nothing names an upload.
"""

from collections.abc import AsyncGenerator
from contextlib import aclosing, suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from chassis.garbage.heaps import Heap, Pile, Removed
from chassis.garbage.telemetry import OBJECTS
from chassis.garbage.turn import Turn
from chassis.object_errors import ObjectMissing
from chassis.objects import Location, Upload
from services.registry.artifacts import HOME


class Objects(Protocol):
    """An object store."""

    def uploads(self, prefix: Location) -> AsyncGenerator[Upload]: ...
    async def give_up(self, upload: Upload) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Uploads:
    """Those under `s3://models/sha256/`; what goes to `incoming/` is others' business. Their size isn't known."""

    objects: Objects
    after: timedelta
    name: str = "upload"

    async def heaps(self, now: datetime) -> AsyncGenerator[Heap]:
        async with aclosing(self.objects.uploads(Location(HOME.bucket, f"{HOME.key}/"))) as uploads:
            async for each in uploads:
                if each.begun_at is None or each.begun_at >= now - self.after:
                    continue
                pile = Pile(where=each.location, objects=1, size_bytes=0, oldest=each.begun_at, youngest=each.begun_at)
                yield Heap(kind=self.name, name=each.upload_id, pile=pile, why="it was begun and never completed")

    async def remove(self, heap: Heap, now: datetime, turn: Turn) -> Removed:  # noqa: ARG002
        turn.ensure_live()
        with suppress(ObjectMissing):  # Somebody was faster.
            await self.objects.give_up(Upload(heap.pile.where, heap.name, heap.pile.oldest))
        OBJECTS.labels(self.name).inc()
        return Removed(objects=1)
