"""What tests of collectors share: a store that is later than it is, and one that dies."""

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta

from chassis.bus.perseverance import through_outages
from chassis.clock import SystemClock, new_id
from chassis.documents.client import Database
from chassis.garbage.collector import Collector, Kinds
from chassis.garbage.turn import COLLECTION, Turns
from chassis.objects import Location, Objects
from chassis.settings import S3Settings

AFTER = timedelta(days=1)


async def moment_between(objects: Objects, bucket: str) -> datetime:
    """A moment of the store's clock that all that was written is before, and all that will be is behind."""
    written = await objects.now(bucket)
    while (between := await objects.now(bucket)) <= written + timedelta(seconds=1):
        await asyncio.sleep(0.1)
    while await objects.now(bucket) <= between:
        await asyncio.sleep(0.1)
    return between


class At:
    """A store's clock that stands still."""

    def __init__(self, moment: datetime) -> None:
        self._moment = moment

    async def now(self, bucket: str) -> datetime:
        return self._moment


class Died(BaseException):
    """The process is gone, and does nothing any more."""


class Dying(Objects):
    """Dies instead of making the removal after so many."""

    def __init__(self, settings: S3Settings, after: int) -> None:
        super().__init__(settings)
        self._left = after

    async def remove(self, location: Location) -> None:
        if self._left == 0:
            raise Died
        self._left -= 1
        await super().remove(location)


async def _well() -> None:
    return None


def collector(kinds: Kinds, database: Database, *, now: datetime, lease_s: float = 3.0) -> Collector:
    """A process's own, which finds that it is `now`. Whoever follows a dead one waits for `lease_s` seconds."""
    clock = SystemClock()
    turns = Turns(database[COLLECTION], clock=clock, owner=new_id(), lease_s=lease_s)
    return Collector(replace(kinds, store=At(now)), turns, every_s=0.001, clock=clock, probe=_well)


async def passed(made: Collector) -> object:
    """What a pass comes to, once it is this process's turn and what it needs answers, as a service waits for it."""
    async with asyncio.timeout(60):
        while (report := await through_outages(made.look, bound_s=None)) is None:
            await asyncio.sleep(0.1)
    return report
