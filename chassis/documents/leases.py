"""Leases without a shared clock: an owner shows that it lives by counting; a claimer watches the count.

A leased document has `lease: {owner, beat, fence, returned}`. `fence` grows by one with each claim, `returned` with
each that its owner gave back; `beat` is written by the owner alone. A lease is lost when its beat hasn't changed for
one lease by the *claimer's* monotonic clock.
"""

import asyncio
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from chassis.clock import Clock
from chassis.documents.client import Collection, Document, translated
from chassis.errors import PlatformError

log = structlog.get_logger(__name__)

_LEAVING_S: Final = 2.0


@dataclass(frozen=True)
class Lease:
    """One owner's hold on one document. `attempts` is how many claims weren't given back, this one among them."""

    document_id: str
    owner: str
    fence: int
    attempts: int = 1

    def filter(self) -> Document:
        """Matches the document while this lease holds: every write under the lease carries it."""
        return {"_id": self.document_id, "lease.owner": self.owner, "lease.fence": self.fence}


@dataclass
class Observer:
    """What one claimer has seen of others' leases, and since when."""

    clock: Clock
    lease_s: float
    _seen: dict[str, tuple[tuple[Any, ...], float]] = field(default_factory=dict)

    def is_lost(self, document: Document) -> bool:
        """Whether the lease in `document` is free or its owner silent for a whole lease, as far as this claimer saw."""
        lease = document.get("lease")
        if not lease or lease["owner"] is None:
            return True
        mark = (lease["owner"], lease["fence"], lease["beat"])
        known = self._seen.get(document["_id"])
        now = self.clock.monotonic()
        if known is None or known[0] != mark:
            self._seen[document["_id"]] = (mark, now)
            return False
        return now - known[1] >= self.lease_s

    def forget(self, document_id: str) -> None:
        self._seen.pop(document_id, None)


async def claim(collection: Collection, document: Document, owner: str) -> Lease | None:
    """Take the lease in `document` as it was read; None if somebody else was faster."""
    lease = document.get("lease")
    fence = int(lease["fence"]) + 1 if lease else 1
    returned = int(lease.get("returned", 0)) if lease else 0
    taken = {"owner": owner, "beat": 0, "fence": fence, "returned": returned}
    with translated():
        result = await collection.update_one({"_id": document["_id"], "lease": lease}, {"$set": {"lease": taken}})
    return Lease(document["_id"], owner, fence, fence - returned) if result.matched_count else None


async def renew(collection: Collection, lease: Lease) -> bool:
    """Show that the owner lives; False when the lease is somebody else's by now."""
    with translated():
        result = await collection.update_one(lease.filter(), {"$inc": {"lease.beat": 1}})
    return result.matched_count == 1


async def release(collection: Collection, lease: Lease) -> None:
    """Let somebody else claim at once. Keeps the fence's count; what was given back is no failed attempt."""
    with translated():
        await collection.update_one(lease.filter(), {"$set": {"lease.owner": None}, "$inc": {"lease.returned": 1}})


async def give_back(collection: Collection, lease: Lease) -> None:
    """Release it before leaving, if that can be done soon; else it expires."""
    try:
        async with asyncio.timeout(_LEAVING_S):
            await release(collection, lease)
    except (PlatformError, TimeoutError):
        log.warning("lease_left_to_expire", exc_info=True)
