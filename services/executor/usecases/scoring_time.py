"""What an attempt uses up of its time."""

import asyncio
import math
from typing import Final

from chassis.bus.perseverance import is_outage
from chassis.errors import PlatformError
from services.executor.ports import ReachObjects

LOOK_EVERY_S: Final = 5.0
# An object store's answer may be waited and asked for again for so long before the driver says that it is away.
_LATELY_S: Final = 120.0


class ScoringTime:
    """Counts the seconds in which a driver works on the attempt while the object store is there, and no others."""

    def __init__(self, reach_objects: ReachObjects, *, look_every_s: float = LOOK_EVERY_S) -> None:
        self._reach_objects = reach_objects
        self._look_every_s = look_every_s
        self._working = asyncio.Event()
        self._missed_at = -math.inf

    def begin(self) -> None:
        """A driver has begun."""
        self._working.set()

    def stop(self) -> None:
        """The driver has answered."""
        self._working.clear()

    async def used_up(self, timeout_s: float) -> None:
        """Returns when so much has been counted."""
        left = timeout_s
        while left > 0:
            await self._working.wait()
            since = _now()
            await asyncio.sleep(min(left, self._look_every_s))
            if await self._is_store_there() and self._working.is_set():
                left -= _now() - since

    async def outage_lately(self) -> bool:
        """Whether the object store is away, or was while the driver asked it for the last time."""
        return not await self._is_store_there() or _now() - self._missed_at < _LATELY_S

    async def _is_store_there(self) -> bool:
        try:
            await self._reach_objects()
        except PlatformError as error:
            if not is_outage(error):
                return True
            self._missed_at = _now()
            return False
        return True


def _now() -> float:
    return asyncio.get_running_loop().time()
