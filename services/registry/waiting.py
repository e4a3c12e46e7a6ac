"""Requests that were accepted and wait for a worker, or for those before them: the collection `registrations`."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from chassis.bus.delivery import Actor, Delivery
from chassis.bus.envelope import Envelope
from chassis.bus.request_key import ANONYMOUS, RequestKey
from chassis.documents.client import Collection, Document, translated
from chassis.documents.leases import Lease, claim
from chassis.errors import AssignmentLost, DocumentConflict
from schemas.catalogue import parse
from schemas.event import Event
from schemas.topics import DATASET_REQUESTS, MODEL_REQUESTS
from services.registry.queues import Queue, Queues

_KIND: Final = {MODEL_REQUESTS.name: "model", DATASET_REQUESTS.name: "dataset"}


@dataclass(frozen=True)
class Accepted:
    """One waiting request, as it was accepted."""

    document: Document

    @property
    def about(self) -> str:
        return self.document["about"]

    @property
    def subject(self) -> str:
        return self.about.partition("/")[2]

    @property
    def event(self) -> Event:
        return parse(self.document["envelope"]["type"], json.loads(self.document["event"]))

    def delivery(self, is_live: Callable[[], bool]) -> Delivery:
        """The delivery that it came with, but for what tells whether it is still this process's."""
        actor = self.document["actor"]
        return Delivery(
            envelope=Envelope(**self.document["envelope"]),
            actor=Actor(
                subject=actor["subject"],
                client=actor.get("client", ANONYMOUS),
                markets=frozenset(actor["markets"]),
                roles=frozenset(actor["roles"]),
                is_scheduler=actor["is_scheduler"],
            ),
            topic=self.document["topic"],
            partition=self.document["partition"],
            offset=self.document["offset"],
            timestamp=self.document["timestamp"],
            is_live=is_live,
        )


class Registrations:
    """All waiting requests. Those about one subject stand on one partition: their offsets are their order."""

    def __init__(self, collection: Collection, queues: Collection) -> None:
        self.collection = collection
        self._queues = Queues(queues, collection)
        self._wake = asyncio.Event()

    async def prepare(self) -> None:
        await self._queues.prepare()

    async def append(self, event: Event, delivery: Delivery) -> None:
        """Remember an accepted request; once, however often it is called.

        Raises:
            AssignmentLost: the request may be somebody else's by now.
        """
        waits = await self.has(delivery.request_key)
        delivery.ensure_live()
        if not waits:
            with suppress(DocumentConflict), translated():
                await self.collection.insert_one(_document(event, delivery))
        # Also where it waits: whoever put it there may have been stopped before this.
        await self._queues.join(_about(event, delivery), offset=delivery.offset, since=delivery.timestamp)
        self.wake()

    async def has(self, request_key: RequestKey) -> bool:
        """Whether this request waits here."""
        with translated():
            return await self.collection.find_one({"_id": {"$in": list(request_key.forms)}}, {"_id": 1}) is not None

    async def rely_on(self, request_key: RequestKey, digest: str) -> None:
        """Write down that what waits under this key relies on the copy with this digest, until it is answered.

        Raises:
            AssignmentLost: nothing waits under it any more.
        """
        which = {"_id": {"$in": list(request_key.forms)}}
        with translated():
            result = await self.collection.update_one(which, {"$addToSet": {"relies_on": digest}})
        if result.matched_count == 0:
            raise AssignmentLost(request_key.text)

    async def relying_on(self, digest: str) -> bool:
        """Whether anything that waits relies on this copy."""
        with translated():
            return await self.collection.find_one({"relies_on": digest}, {"_id": 1}) is not None

    async def has_about(self, event: Event, delivery: Delivery) -> bool:
        """Whether anything waits that is about the same subject."""
        return await self._queues.has(_about(event, delivery))

    async def nobody_waits(self) -> bool:
        """Whether there is nothing to answer, about whatever subject."""
        return await self._queues.are_empty()

    async def queues(self) -> list[Queue]:
        """Of each subject what waits about it, the longest waiting first."""
        return await self._queues.all()

    async def head(self, queue: Queue) -> Document | None:
        """The request that is next in a queue, if there still is one."""
        return await self._queues.head(queue)

    async def claim(self, head: Document, owner: str) -> tuple[Accepted, Lease] | None:
        """Take the head of a queue; None if somebody else was faster."""
        lease = await claim(self.collection, head, owner)
        if lease is None:
            return None
        with translated():
            document = await self.collection.find_one(lease.filter())
        return (Accepted(document), lease) if document is not None else None

    async def remove(self, accepted: Accepted, lease: Lease) -> None:
        """Forget an answered request, if the lease still holds, and let the next one have its turn."""
        with translated():
            await self.collection.delete_one(lease.filter())
        await self._queues.advance(accepted.about)

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def woken(self, within_s: float) -> None:
        """Wait for `wake`, but no longer than that: other processes append too."""
        try:
            async with asyncio.timeout(within_s):
                await self._wake.wait()
        except TimeoutError:
            return
        finally:
            self._wake.clear()


def _about(event: Event, delivery: Delivery) -> str:
    return f"{_KIND[delivery.topic]}/{event.subject}"


def _document(event: Event, delivery: Delivery) -> dict[str, Any]:
    actor = delivery.actor
    return {
        "_id": delivery.request_key.text,
        "about": _about(event, delivery),
        "topic": delivery.topic,
        "partition": delivery.partition,
        "offset": delivery.offset,
        "timestamp": delivery.timestamp,
        "envelope": dict(vars(delivery.envelope)),
        # As text: names that outsiders chose are no fields of ours.
        "event": event.to_json().decode(),
        "actor": {
            "subject": actor.subject,
            "client": actor.client,
            "markets": sorted(actor.markets),
            "roles": sorted(actor.roles),
            "is_scheduler": actor.is_scheduler,
        },
    }
