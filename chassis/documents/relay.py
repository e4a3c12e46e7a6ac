"""The relay: takes events from outboxes to the bus, in order, and forgets them once the bus has them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Final

from chassis.bus.outgoing import Outgoing
from chassis.bus.perseverance import through_outages
from chassis.bus.producer import Publisher
from chassis.clock import Clock
from chassis.crash_points import CrashPoint, crash_points
from chassis.documents.client import Collection, Document, translated
from chassis.documents.left_behind import LOOKED_AT, LeftBehind
from chassis.documents.outbox import INDEX, UNPUBLISHED, Outbox, forget
from chassis.documents.sending import Sending
from chassis.documents.troubles import Troubles
from chassis.errors import Outage, OutboxBehind, PlatformError
from chassis.tasks import TaskGroup
from chassis.telemetry import OUTBOX_AGE

POLL_EVERY_S: Final = 2.0
_BEHIND_S: Final = 60.0
_AT_ONCE: Final = 100
_READING: Final = "(reading it)"
_BEFORE: Final = "(what comes before publishing)"

BeforePublish = Callable[[Sequence[Outgoing]], Awaitable[None]]
"""Called with events that are about to be published, in their order; may be called again with the same ones."""
AfterPublish = Callable[[Sequence[str]], Awaitable[None]]
"""Called with the documents whose outboxes were emptied."""


class Relay:
    """Publishes what its collections' outboxes hold.

    Woken by each save; what a crash left behind is found by a poll. A crash between publishing and forgetting, or a
    second relay, sends an event again with the same id and sequence, which readers drop. What can't leave stays where
    it is and is tried again by the poll; documents, collections and topics don't wait for one another.
    """

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._clock = clock
        self._troubles = Troubles(clock)
        self._sending = Sending(publisher, self._troubles)
        self._before: dict[str, BeforePublish | None] = {}
        self._after: dict[str, AfterPublish | None] = {}
        self._collections: dict[str, Collection] = {}
        self._left_behind: dict[str, LeftBehind] = {}
        self._woken: dict[tuple[str, str], Outbox | None] = {}
        self._wake = asyncio.Event()

    def serve(
        self,
        collection: Collection,
        *,
        before_publish: BeforePublish | None = None,
        after_publish: AfterPublish | None = None,
    ) -> None:
        """Publish from `collection` too."""
        self._collections[collection.name] = collection
        self._before[collection.name] = before_publish
        self._after[collection.name] = after_publish
        self._left_behind[collection.name] = LeftBehind(self._clock)

    def wake(self, collection: Collection, document_id: str, outgoing: Sequence[Outgoing] | None = None) -> None:
        """There is something new in this document's outbox; nothing but `outgoing`, where that is given."""
        key = collection.name, document_id
        known = None if outgoing is None else Outbox(document_id, outgoing)
        # A later save may have been quicker to say so; and what has to wait long is better kept in the store alone.
        self._woken[key] = known if key not in self._woken and len(self._woken) < _AT_ONCE else None
        self._wake.set()

    async def prepare(self) -> None:
        """Make the index that the poll needs."""
        for collection in self._collections.values():
            with translated():
                await collection.create_index(**INDEX)

    async def run(self) -> None:
        """Publish until cancelled."""
        async with TaskGroup() as tasks:
            tasks.create_task(self._serve_woken())
            tasks.create_task(self._poll())

    async def drain(self) -> None:
        """Publish what this process has been woken for and hasn't published yet."""
        while self._woken:
            await self._publish_some()

    async def check(self) -> None:
        """A readiness check. Raises: OutboxBehind."""
        behind: list[str] = []
        for name, left_behind in self._left_behind.items():
            reasons = self._troubles.lasting(name, _BEHIND_S)
            if reasons or left_behind.age_s() >= _BEHIND_S:
                why = "; ".join(reasons) or "its turn has not come"
                behind.append(f"{name} for {max(left_behind.age_s(), _BEHIND_S):.0f} s ({why})")
        if behind:
            raise OutboxBehind(", ".join(behind))

    async def _serve_woken(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._woken:
                await through_outages(self._publish_some, bound_s=None)

    async def _publish_some(self) -> None:
        # Taken off the list first: a save that comes while we publish has to wake us again.
        waiting = dict(self._woken.popitem() for _ in range(min(len(self._woken), _AT_ONCE)))
        failures: list[BaseException] = []
        for name, collection in self._collections.items():
            mine = {document_id: known for (its, document_id), known in waiting.items() if its == name}
            try:
                await self._publish(collection, await self._outboxes(collection, mine))
            except BaseException as failure:  # noqa: BLE001 - raised when the other collections have had their turn
                failures.append(failure)
                if not isinstance(failure, Outage):
                    break
        if failures:
            # Read again the next time: a relay that was faster has taken some of it off meanwhile.
            self._woken |= dict.fromkeys(waiting)
            raise failures[-1]

    async def _poll(self) -> None:
        while True:
            await through_outages(self._publish_left_behind, bound_s=None)
            await asyncio.sleep(POLL_EVERY_S)

    async def _publish_left_behind(self) -> None:
        for collection in self._collections.values():
            left_behind = self._left_behind[collection.name]
            with translated():
                found = collection.find(UNPUBLISHED, {"_outbox_since": 1}).sort([("_outbox_since", 1)])
                documents = await found.skip(left_behind.page * LOOKED_AT).limit(LOOKED_AT).to_list()
            ids = left_behind.look(documents)
            OUTBOX_AGE.labels(collection.name).set(left_behind.age_s())
            for some in (ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE)):
                left = await self._publish(collection, await self._read(collection, {"_id": {"$in": some}}))
                left_behind.park(set(some) - left)

    async def _publish(self, collection: Collection, outboxes: Sequence[Outbox]) -> set[str]:
        """The documents from which something has left."""
        ready = await self._prepared(collection, self._sending.sendable(outboxes))
        return await self._sending.send(collection.name, ready, partial(self._forget, collection))

    async def _prepared(self, collection: Collection, outboxes: Sequence[Outbox]) -> Sequence[Outbox]:
        """Those that may go now. One at which what comes before fails holds up itself alone."""
        before_publish = self._before[collection.name]
        events = [event for each in outboxes for event in each.events]
        if before_publish is None or not events:
            return outboxes
        try:
            await before_publish(events)
        except Exception as error:
            if isinstance(error, PlatformError) and error.retryable:
                raise
            if len(outboxes) > 1:
                return [ready for each in outboxes for ready in await self._prepared(collection, [each])]
            self._troubles.met((collection.name, _BEFORE, outboxes[0].document_id), error)
            return []
        return outboxes

    async def _outboxes(self, collection: Collection, waiting: Mapping[str, Outbox | None]) -> list[Outbox]:
        known = [outbox for outbox in waiting.values() if outbox is not None]
        unknown = [document_id for document_id, outbox in waiting.items() if outbox is None]
        return [*known, *await self._read(collection, {"_id": {"$in": unknown}})] if unknown else known

    async def _read(self, collection: Collection, which: Document) -> list[Outbox]:
        with translated():
            documents = await collection.find(which, {"_outbox": 1}).limit(_AT_ONCE).to_list()
        outboxes: list[Outbox] = []
        for document in documents:
            try:
                outboxes.append(Outbox.of(document))
            except Exception as error:  # noqa: BLE001 - written by a newer version, or by hand
                self._troubles.met((collection.name, _READING, document["_id"]), error)
        return outboxes

    async def _forget(self, collection: Collection, outboxes: Sequence[Outbox]) -> None:
        if any(each.events for each in outboxes):
            crash_points.passing(CrashPoint.PUBLISHED)
        await forget(collection, outboxes)
        after_publish = self._after[collection.name]
        if after_publish is not None and outboxes:
            await after_publish([each.document_id for each in outboxes])
