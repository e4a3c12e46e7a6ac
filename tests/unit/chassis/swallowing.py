"""Await points that swallow cancellations, as `asyncio.wait_for` does before Python 3.12 when an answer comes along."""

import asyncio
from collections.abc import Sequence

from hypothesis import strategies as st

MOST = 6
plans = st.lists(st.booleans(), max_size=MOST)
"""Of the cancellations that arrive, one after another, which are swallowed; those behind the last are heard."""


class Swallowing:
    """Await points of one driver."""

    def __init__(self, plan: Sequence[bool]) -> None:
        self._plan = list(plan)
        self.swallowed = 0

    async def point(self, turns: int = 1) -> None:
        """Something is asked of a server that answers after so many turns of the loop."""
        try:
            for _ in range(turns):
                await asyncio.sleep(0)
        except asyncio.CancelledError:
            if self._plan and self._plan.pop(0):
                self.swallowed += 1
                return
            raise

    async def wait(self, event: asyncio.Event) -> None:
        """The same, answered when `event` says so; what swallows a cancellation gives an answer, too."""
        try:
            await event.wait()
        except asyncio.CancelledError:
            if self._plan and self._plan.pop(0):
                self.swallowed += 1
                return
            raise
