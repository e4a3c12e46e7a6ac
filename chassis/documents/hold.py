"""A lease that is kept alive while there is work under it."""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from chassis.clock import Clock
from chassis.documents.client import Collection
from chassis.documents.leases import Lease, renew
from chassis.errors import AssignmentLost, Outage
from chassis.tasks import end

T = TypeVar("T")

_BEATS_PER_LEASE = 3


class Hold:
    """One worker's hold on one document since before it was claimed, renewed at a third of its length."""

    def __init__(self, collection: Collection, lease: Lease, *, since: float, clock: Clock, lease_s: float) -> None:
        self._collection = collection
        self._lease = lease
        self._clock = clock
        self._lease_s = lease_s
        self._renewed_at = since

    def is_live(self) -> bool:
        """Whether nobody can have taken it: a claimer waits for a whole lease after the last beat."""
        return self._clock.monotonic() - self._renewed_at < self._lease_s

    async def while_held(self, work: Coroutine[Any, Any, T]) -> T:
        """What `work` comes to; it is ended when the lease is lost, unless it comes to something in that moment.

        Raises:
            AssignmentLost: somebody else has the lease.
        """
        working, beating = asyncio.ensure_future(work), asyncio.ensure_future(self._beat())
        try:
            await asyncio.wait((working, beating), return_when=asyncio.FIRST_COMPLETED)
        finally:
            await end(working, beating)
        if not working.cancelled():
            return working.result()
        beating.result()
        raise AssignmentLost(self._lease.document_id)

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(self._lease_s / _BEATS_PER_LEASE)
            beaten_at = self._clock.monotonic()
            try:
                if not await renew(self._collection, self._lease):
                    return
            except Outage:
                continue  # The claimers can't reach the store either, or will see the next beat.
            self._renewed_at = beaten_at
