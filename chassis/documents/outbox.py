"""The relay: takes events from outboxes to the bus, in order, and forgets them once the bus has them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

import structlog
from pymongo import UpdateOne

from chassis.bus.outgoing import Outgoing
from chassis.bus.perseverance import through_outages
from chassis.bus.producer import Publisher
from chassis.clock import Clock
from chassis.crash_points import CrashPoint, crash_points
from chassis.documents.client import Collection, Document, translated
from chassis.errors import Unpublishable
from chassis.telemetry import OUTBOX_AGE

log = structlog.get_logger(__name__)

POLL_EVERY_S: Final = 2.0
LEFT_BEHIND_AFTER_S: Final = 4.0
_AT_ONCE: Final = 100
_LOOKED_AT: Final = 1000

BeforePublish = Callable[[Sequence[Outgoing]], Awaitable[None]]
"""Called with events that are about to be published, in their order; may be called again with the same ones."""

AfterPublish = Callable[[Sequence[str]], Awaitable[None]]
"""Called with the documents whose outboxes were emptied."""

# Sparse, not partial: the embedded store reads a whole collection rather than a partial index.
INDEX: Final[Mapping[str, Any]] = {"keys": [("_outbox_since", 1)], "name": "unpublished_since", "sparse": True}
UNPUBLISHED: Final[Document] = {"_outbox_since": {"$exists": True}}


@dataclass(frozen=True)
class Outbox:
    """One document's events that are not yet known to be on the bus, in their order; there may be none."""

    document_id: str
    events: Sequence[Outgoing]

    @classmethod
    def of(cls, document: Document) -> Self:
        return cls(document["_id"], [Outgoing.from_document(entry) for entry in document.get("_outbox", ())])


class _LeftBehind:
    """The outboxes of a collection that nobody has emptied for a while, by the clock of the one who looks.

    `_outbox_since` is the clock of whoever saved, and that may be minutes off: it is compared with itself alone.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._seen: dict[tuple[str, Any], float] = {}

    def look(self, documents: Sequence[Document]) -> list[str]:
        """Those of `documents`, all that have something in their outbox, that have been so for long."""
        now = self._clock.monotonic()
        marks = [(each["_id"], each["_outbox_since"]) for each in documents]
        self._seen = {mark: self._seen.get(mark, now) for mark in marks}
        return [document_id for (document_id, _), seen in self._seen.items() if now - seen >= LEFT_BEHIND_AFTER_S]

    def age_s(self) -> float:
        """For how long the oldest has been seen."""
        return max((self._clock.monotonic() - seen for seen in self._seen.values()), default=0.0)


class Relay:
    """Publishes what its collections' outboxes hold.

    Woken by each save; what a crash left behind is found by a poll. A crash between publishing and forgetting, or a
    second relay, sends an event again with the same id and sequence, which readers drop.
    """

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self._before: dict[str, BeforePublish | None] = {}
        self._after: dict[str, AfterPublish | None] = {}
        self._collections: dict[str, Collection] = {}
        self._left_behind: dict[str, _LeftBehind] = {}
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
        self._left_behind[collection.name] = _LeftBehind(self._clock)

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
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._serve_woken())
            tasks.create_task(self._poll())

    async def drain(self) -> None:
        """Publish what this process has been woken for and hasn't published yet."""
        while self._woken:
            await self._publish_some()

    async def _serve_woken(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._woken:
                await through_outages(self._publish_some, bound_s=None)

    async def _publish_some(self) -> None:
        # Taken off the list first: a save that comes while we publish has to wake us again.
        waiting = dict(self._woken.popitem() for _ in range(min(len(self._woken), _AT_ONCE)))
        try:
            for name, collection in self._collections.items():
                mine = {document_id: known for (its, document_id), known in waiting.items() if its == name}
                await self._publish(collection, await _outboxes(collection, mine))
        except BaseException:
            # Read again the next time: a relay that was faster has taken some of it off meanwhile.
            self._woken |= dict.fromkeys(waiting)
            raise

    async def _poll(self) -> None:
        while True:
            await through_outages(self._publish_left_behind, bound_s=None)
            await asyncio.sleep(POLL_EVERY_S)

    async def _publish_left_behind(self) -> None:
        for collection in self._collections.values():
            with translated():
                found = collection.find(UNPUBLISHED, {"_outbox_since": 1})
                documents = await found.sort([("_outbox_since", 1)]).limit(_LOOKED_AT).to_list()
            left_behind = self._left_behind[collection.name]
            ids = left_behind.look(documents)
            OUTBOX_AGE.labels(collection.name).set(left_behind.age_s())
            for some in (ids[first : first + _AT_ONCE] for first in range(0, len(ids), _AT_ONCE)):
                await self._publish(collection, await _read(collection, {"_id": {"$in": some}}))

    async def _publish(self, collection: Collection, outboxes: Sequence[Outbox]) -> None:
        try:
            await self._send(collection, outboxes)
        except Unpublishable:
            # One of them holds up its own successors, and nobody else's.
            for outbox in outboxes:
                await self._send_alone(collection, outbox)

    async def _send_alone(self, collection: Collection, outbox: Outbox) -> None:
        try:
            await self._send(collection, [outbox])
        except Unpublishable as error:
            document_id, reason = outbox.document_id, str(error)
            log.error("unpublishable_outbox", collection=collection.name, document=document_id, reason=reason)  # noqa: TRY400 - it has no more to tell

    async def _send(self, collection: Collection, outboxes: Sequence[Outbox]) -> None:
        outgoing = [each for outbox in outboxes for each in outbox.events]
        if outgoing:
            before_publish = self._before[collection.name]
            if before_publish is not None:
                await before_publish(outgoing)
            await self._publisher.publish(outgoing)
            crash_points.passing(CrashPoint.PUBLISHED)
        await _forget(collection, outboxes)
        after_publish = self._after[collection.name]
        if after_publish is not None and outboxes:
            await after_publish([each.document_id for each in outboxes])


async def _outboxes(collection: Collection, waiting: Mapping[str, Outbox | None]) -> list[Outbox]:
    known = [outbox for outbox in waiting.values() if outbox is not None]
    unknown = [document_id for document_id, outbox in waiting.items() if outbox is None]
    return [*known, *await _read(collection, {"_id": {"$in": unknown}})] if unknown else known


async def _read(collection: Collection, which: Document) -> list[Outbox]:
    with translated():
        documents = await collection.find(which, {"_outbox": 1}).limit(_AT_ONCE).to_list()
    return [Outbox.of(document) for document in documents]


async def _forget(collection: Collection, outboxes: Sequence[Outbox]) -> None:
    """Take the events of `outboxes` off their documents, and nothing that has come since."""
    if not outboxes:
        return
    with translated():
        emptied = await collection.bulk_write([_emptying(each) for each in outboxes])
        if emptied.matched_count < len(outboxes) and (pulls := [_pulling(each) for each in outboxes if each.events]):
            await collection.bulk_write(pulls)


def _emptying(outbox: Outbox) -> UpdateOne:
    """Nearly always an outbox is what it was, and one write does for both of its fields.

    It grows at its end and shrinks by what was sent, so as many entries with the same first and last are the same ones.
    """
    which: Document = {"_id": outbox.document_id, "_outbox": []}
    if outbox.events:
        first, last, size = outbox.events[0].envelope.id, outbox.events[-1].envelope.id, len(outbox.events)
        which |= {"_outbox": {"$size": size}, "_outbox.0.id": first, f"_outbox.{size - 1}.id": last}
    return UpdateOne(which, {"$set": {"_outbox": []}, "$unset": {"_outbox_since": ""}})


def _pulling(outbox: Outbox) -> UpdateOne:
    """For an outbox that isn't what it was: does nothing where it is empty by now."""
    sent = {"$in": [each.envelope.id for each in outbox.events]}
    return UpdateOne({"_id": outbox.document_id, "_outbox.id": sent}, {"$pull": {"_outbox": {"id": sent}}})
