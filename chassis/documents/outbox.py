"""The relay: takes events from outboxes to the bus, in order, and forgets them once the bus has them."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any, Final

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
LEFT_BEHIND_AFTER: Final = timedelta(seconds=5)
_AT_ONCE: Final = 100

BeforePublish = Callable[[Sequence[Outgoing]], Awaitable[None]]
"""Called with events that are about to be published, in their order; may be called again with the same ones."""

INDEX: Final[Mapping[str, Any]] = {
    "keys": [("_outbox_since", 1)],
    "name": "outbox_since",
    "partialFilterExpression": {"_outbox_since": {"$exists": True}},
}


class Relay:
    """Publishes what its collections' outboxes hold.

    Woken by each save; what a crash left behind is found by a poll. A crash between publishing and forgetting, or a
    second relay, sends an event again with the same id and sequence, which readers drop.
    """

    def __init__(self, publisher: Publisher, clock: Clock) -> None:
        self._publisher = publisher
        self._clock = clock
        self._before: dict[str, BeforePublish | None] = {}
        self._collections: dict[str, Collection] = {}
        self._woken: dict[tuple[str, str], None] = {}
        self._wake = asyncio.Event()

    def serve(self, collection: Collection, *, before_publish: BeforePublish | None = None) -> None:
        """Publish from `collection` too."""
        self._collections[collection.name] = collection
        self._before[collection.name] = before_publish

    def wake(self, collection: Collection, document_id: str) -> None:
        """There is something new in this document's outbox."""
        self._woken[collection.name, document_id] = None
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
        waiting = [self._woken.popitem()[0] for _ in range(min(len(self._woken), _AT_ONCE))]
        by_collection: dict[str, list[str]] = {}
        for name, document_id in waiting:
            by_collection.setdefault(name, []).append(document_id)
        try:
            for name, ids in by_collection.items():
                await self._publish(self._collections[name], {"_id": {"$in": ids}})
        except BaseException:
            self._woken |= dict.fromkeys(waiting)
            raise

    async def _poll(self) -> None:
        while True:
            await through_outages(self._publish_left_behind, bound_s=None)
            await asyncio.sleep(POLL_EVERY_S)

    async def _publish_left_behind(self) -> None:
        for collection in self._collections.values():
            before = self._clock.now() - LEFT_BEHIND_AFTER
            with translated():
                oldest = await collection.find_one(
                    {"_outbox_since": {"$exists": True}}, {"_outbox_since": 1}, sort=[("_outbox_since", 1)]
                )
            age = (self._clock.now() - oldest["_outbox_since"]).total_seconds() if oldest else 0.0
            OUTBOX_AGE.labels(collection.name).set(max(age, 0.0))
            if oldest is not None and oldest["_outbox_since"] < before:
                await self._publish(collection, {"_outbox_since": {"$lt": before}})

    async def _publish(self, collection: Collection, which: Document) -> None:
        with translated():
            documents = await collection.find(which, {"_outbox": 1}).limit(_AT_ONCE).to_list()
        try:
            await self._send(collection, documents)
        except Unpublishable:
            # One of them holds up its own successors, and nobody else's.
            for document in documents:
                await self._send_alone(collection, document)

    async def _send_alone(self, collection: Collection, document: Document) -> None:
        try:
            await self._send(collection, [document])
        except Unpublishable as error:
            log.error("unpublishable_outbox", collection=collection.name, document=document["_id"], reason=str(error))  # noqa: TRY400 - it has no more to tell

    async def _send(self, collection: Collection, documents: Sequence[Document]) -> None:
        outgoing = [Outgoing.from_document(entry) for document in documents for entry in document.get("_outbox", ())]
        if outgoing:
            before_publish = self._before[collection.name]
            if before_publish is not None:
                await before_publish(outgoing)
            await self._publisher.publish(outgoing)
            crash_points.passing(CrashPoint.PUBLISHED)
        await self._forget(collection, documents)

    async def _forget(self, collection: Collection, documents: Sequence[Document]) -> None:
        writes = [write for document in documents for write in _forgetting(document)]
        if writes:
            with translated():
                await collection.bulk_write(writes)


def _forgetting(document: Document) -> list[UpdateOne]:
    """Take the events off that were in `document`, and nothing that has come since."""
    one, sent = {"_id": document["_id"]}, [entry["id"] for entry in document.get("_outbox", ())]
    if not sent:
        return [UpdateOne({**one, "_outbox": []}, {"$unset": {"_outbox_since": ""}})]
    # Nearly always the outbox is what it was. It grows at its end and shrinks by what was sent, so as many entries with
    # the same first and last are the same ones, and one write does for both fields.
    unchanged = {"_outbox": {"$size": len(sent)}, "_outbox.0.id": sent[0], f"_outbox.{len(sent) - 1}.id": sent[-1]}
    return [
        UpdateOne({**one, **unchanged}, {"$set": {"_outbox": []}, "$unset": {"_outbox_since": ""}}),
        UpdateOne({**one, "_outbox.id": {"$in": sent}}, {"$pull": {"_outbox": {"id": {"$in": sent}}}}),
    ]
