"""Buckets in memory whose objects have an age."""

import asyncio
from datetime import UTC, datetime, timedelta

from chassis.object_errors import ObjectForbidden
from chassis.objects import Location, ObjectInfo

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


class DatedObjects:
    """`forbidden` are addresses that can't be removed. `dies_after` so many removals, the next one is never made."""

    def __init__(self) -> None:
        self.modified: dict[str, datetime] = {}
        self.forbidden: set[str] = set()
        self.removed: list[str] = []
        self.dies_after: int | None = None

    def put(self, *uris: str, hours: float = 48) -> None:
        """Written so many hours before `NOW`."""
        self.modified |= dict.fromkeys(uris, NOW - timedelta(hours=hours))

    async def now(self, bucket: str) -> datetime:
        return NOW

    async def walk(self, prefix: Location):
        for uri in sorted(each for each in self.modified if each.startswith(str(prefix))):
            await asyncio.sleep(0)
            if uri in self.modified:
                yield ObjectInfo(Location.parse(uri), "e", 10, modified_at=self.modified[uri])

    async def remove(self, location: Location) -> None:
        await asyncio.sleep(0)
        if str(location) in self.forbidden:
            raise ObjectForbidden(str(location))
        if len(self.removed) == self.dies_after:
            raise Died
        self.modified.pop(str(location), None)
        self.removed.append(str(location))


class Died(BaseException):
    """The process is gone, and does nothing any more."""


class Facts:
    """What stands on topics."""

    def __init__(self) -> None:
        self.values: dict[str, list[bytes]] = {}
        self.read = 0

    def say(self, topic: str, value: bytes | str) -> None:
        self.values.setdefault(topic, []).append(value.encode() if isinstance(value, str) else value)

    async def records_in(self, topic: str, *, since_ms: int | None = None):
        self.read += 1
        for value in self.values.get(topic, []):
            yield type("Record", (), {"value": value})()
