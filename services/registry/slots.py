"""How many work at the same time, and how long one of them may be in the others' way."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from chassis.errors import PlatformError
from chassis.outages import outages

_HELD_A_SLOT: Final = 10
"""So many may be in hand for each slot, most of them at rest."""


@dataclass(frozen=True)
class Patience:
    """With what is away, in seconds: for how long it is tried at once, for how long it rests then, without its slot.

    What fails for `alone_s` while everything is well otherwise is no outage, whatever it looks like.
    """

    at_once_s: float = 1.0
    rest_s: float = 3.0
    alone_s: float = 60.0


class Failing:
    """What one request goes through that can't be answered now."""

    def __init__(self, monotonic: Callable[[], float], alone_s: float) -> None:
        self._monotonic, self._alone_s = monotonic, alone_s
        self._alone_since: float | None = None
        self._codes: set[str] = set()

    def is_alone_for_long(self, error: PlatformError, *, is_away: bool) -> bool:
        """Told of one more failure, and whether anything that it needs is away."""
        self._codes.add(error.code)
        now = self._monotonic()
        if is_away or self._alone_since is None:
            self._alone_since = None if is_away else now
            return False
        return now - self._alone_since >= self._alone_s

    def ends(self) -> None:
        for code in self._codes:
            outages.is_over(code)


class Slots:
    """So many at a time; who waits for something else leaves its slot to others meanwhile.

    Those that have rested share all slots but one, or they would take every slot from who has yet to begin. Where there
    is but one, they go on beside it, one at a time.
    """

    def __init__(self, count: int, *, freed: Callable[[], None], patience: Patience | None = None) -> None:
        self.patience = patience or Patience()
        self._most = count * _HELD_A_SLOT
        self._freed = freed
        self._free = asyncio.Semaphore(count)
        self._rested = asyncio.Semaphore(max(count - 1, 1))
        self._is_one = count == 1
        self._held = 0

    @property
    def are_taken(self) -> bool:
        """Nobody else may begin now."""
        return self._free.locked() or self._held >= self._most

    async def take(self) -> "Slot":
        """A slot; at once, unless they are taken."""
        await self._free.acquire()
        self._held += 1
        return Slot(self)

    async def take_again(self) -> None:
        """A slot for one that has rested."""
        await self._rested.acquire()
        if self._is_one:
            return
        try:
            await self._free.acquire()
        except asyncio.CancelledError:
            self._rested.release()
            raise

    def leave(self, *, has_rested: bool) -> None:
        if has_rested:
            self._rested.release()
        if not (has_rested and self._is_one):
            self._free.release()
        self._freed()

    def give_up(self) -> None:
        self._held -= 1
        self._freed()


class Slot:
    """One of them, until its end."""

    def __init__(self, slots: Slots) -> None:
        self._slots = slots
        self._is_used, self._has_rested = True, False

    async def rest(self, seconds: float) -> None:
        """Let others have it; go on after so long, when one is free."""
        self._leave()
        await asyncio.sleep(seconds)
        await self._slots.take_again()
        self._is_used = self._has_rested = True

    def end(self) -> None:
        """Give it back for good."""
        self._leave()
        self._slots.give_up()

    def _leave(self) -> None:
        if self._is_used:
            self._is_used = False
            self._slots.leave(has_rested=self._has_rested)
