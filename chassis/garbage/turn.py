"""Whose turn it is to collect, and what is being removed: one document a service, under a lease.

`{_id, lease, removing?, ended_at?}`. What may come to be relied on again while it is removed is named in `removing`
before the decision to remove it is taken anew. Whoever is about to rely on it says so where that decision looks, and
then waits here until nobody removes it: one of the two sees the other.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.clock import Clock
from chassis.documents.client import Collection, Document, translated
from chassis.documents.hold import Hold
from chassis.documents.leases import Lease, Observer, claim, release
from chassis.errors import AssignmentLost, DocumentConflict

COLLECTION: Final = "collector"
LEASE_S: Final = 15.0
_ID: Final = "garbage"


@dataclass(frozen=True)
class Turn:
    """One process's turn."""

    collection: Collection
    lease: Lease
    hold: Hold

    def ensure_live(self) -> None:
        """Asked right before each removal. Raises: AssignmentLost: it may be another's turn by now."""
        if not self.hold.is_live():
            raise AssignmentLost(self.lease.document_id)

    @asynccontextmanager
    async def removing(self, what: str) -> AsyncGenerator[None]:
        """Name what is about to be removed.

        It stays named where the block fails: a request of ours may still be on its way to the store. Then the lease
        isn't given back, and whoever waits goes on when it has run out.

        Raises:
            AssignmentLost: it is another's turn by now.
        """
        await self._set({"$set": {"removing": what}})
        yield
        await self._set({"$unset": {"removing": ""}})

    async def end(self, at: datetime) -> None:
        """Write down that all has been looked at, and let others have their turn. Raises: AssignmentLost."""
        await self.give_up(at)
        await release(self.collection, self.lease)

    async def give_up(self, at: datetime) -> None:
        """Write down that there is nothing more to be done now; the lease runs out. Raises: AssignmentLost."""
        await self._set({"$set": {"ended_at": at}})

    async def _set(self, change: Document) -> None:
        with translated():
            result = await self.collection.update_one(self.lease.filter(), change)
        if result.matched_count == 0:
            raise AssignmentLost(self.lease.document_id)


class Turns:
    """The turns of all processes, as one of them sees them."""

    def __init__(self, collection: Collection, *, clock: Clock, owner: str, lease_s: float = LEASE_S) -> None:
        self._collection, self._clock, self._owner, self._lease_s = collection, clock, owner, lease_s
        self._observer = Observer(clock, lease_s)

    async def ended_at(self) -> datetime | None:
        """When the last one ended that came to its end, by the clock of whose it was."""
        return (await self._read()).get("ended_at")

    async def take(self) -> Turn | None:
        """Have the next turn; None: somebody else has it, or may have."""
        document = await self._read()
        if not self._observer.is_lost(document):
            return None
        since = self._clock.monotonic()
        if not document:
            with suppress(DocumentConflict), translated():  # Somebody else may have just made it.
                await self._collection.insert_one({"_id": _ID, "lease": None})
            document = await self._read()
        lease = await claim(self._collection, document, self._owner)
        if lease is None:
            return None
        hold = Hold(self._collection, lease, since=since, clock=self._clock, lease_s=self._lease_s)
        return Turn(self._collection, lease, hold)

    async def not_removing(self, what: str) -> None:
        """Returns when nobody removes it, or whoever did has been silent for a whole lease."""
        while (await self._read()).get("removing") == what:
            turn = await self.take()
            if turn is None:
                await asyncio.sleep(self._lease_s / 10)
                continue
            with translated():
                await self._collection.update_one(turn.lease.filter(), {"$unset": {"removing": ""}})
            await release(self._collection, turn.lease)

    async def _read(self) -> Document:
        with translated():
            return await self._collection.find_one({"_id": _ID}) or {}
