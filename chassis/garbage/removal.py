"""Removes what is old under an address, page by page."""

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from datetime import datetime
from typing import Protocol

from chassis.garbage.heaps import Removed
from chassis.garbage.telemetry import BYTES, OBJECTS
from chassis.garbage.turn import Turn
from chassis.objects import Location, ObjectInfo


class Objects(Protocol):
    """An object store."""

    def walk(self, prefix: Location) -> AsyncGenerator[ObjectInfo]: ...
    async def remove(self, location: Location) -> None: ...


async def remove_old(
    objects: Objects,
    prefix: Location,
    *,
    before: datetime,
    turn: Turn,
    kind: str,
    spared: Callable[[str], bool] = lambda _: False,
) -> Removed:
    """Remove all under `prefix` that was written before then, but the keys that are to be spared.

    Raises:
        AssignmentLost: the turn has gone to somebody else; what is left, that one will find.
    """
    removed = Removed()
    async with aclosing(objects.walk(prefix)) as listed:
        async for each in listed:
            if spared(each.location.key):
                continue
            if each.modified_at is None or each.modified_at >= before:
                removed.spared += 1
                continue
            turn.ensure_live()
            await objects.remove(each.location)
            removed.add(Removed(objects=1, size_bytes=each.size_bytes))
            OBJECTS.labels(kind).inc()
            BYTES.labels(kind).inc(each.size_bytes)
    return removed
