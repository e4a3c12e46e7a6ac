"""Requests that were accepted and wait for a worker, or for those before them: the collection `registrations`."""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chassis.bus.delivery import Actor, Delivery
from chassis.bus.envelope import Envelope
from chassis.documents.client import Collection, Document, translated
from chassis.documents.leases import Lease, claim
from chassis.errors import DocumentConflict
from schemas.catalogue import parse
from schemas.event import Event
from schemas.topics import DATASET_REQUESTS, MODEL_REQUESTS

_KIND: Final = {MODEL_REQUESTS.name: "model", DATASET_REQUESTS.name: "dataset"}
_FOR_A_CLAIM: Final = {"about": 1, "lease": 1, "timestamp": 1}
_ARRIVAL: Final = [("topic", 1), ("partition", 1), ("offset", 1)]
_LOOKED_AT: Final = 5000


@dataclass(frozen=True)
class Accepted:
    """One waiting request, as it was accepted."""

    document: Document

    @property
    def key(self) -> str:
        return self.document["_id"]

    @property
    def subject(self) -> str:
        return self.document["about"].partition("/")[2]

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

    def __init__(self, collection: Collection) -> None:
        self.collection = collection
        self._wake = asyncio.Event()

    async def prepare(self) -> None:
        with translated():
            await self.collection.create_index("about")

    async def append(self, event: Event, delivery: Delivery) -> None:
        """Remember an accepted request; once, however often it is called.

        Raises:
            AssignmentLost: the request may be somebody else's by now.
        """
        delivery.ensure_live()
        try:
            with translated():
                await self.collection.insert_one(_document(event, delivery))
        except DocumentConflict:
            return
        self.wake()

    async def has(self, request_key: str) -> bool:
        """Whether this request waits here."""
        with translated():
            return await self.collection.find_one({"_id": request_key}, {"_id": 1}) is not None

    async def has_about(self, event: Event, delivery: Delivery) -> bool:
        """Whether anything waits that is about the same subject."""
        with translated():
            return await self.collection.find_one({"about": _about(event, delivery)}, {"_id": 1}) is not None

    async def heads(self) -> list[Document]:
        """Of each subject the request that is next, the longest waiting first: `_id`, `about` and `lease`."""
        with translated():
            cursor = self.collection.find({}, _FOR_A_CLAIM).sort(_ARRIVAL).limit(_LOOKED_AT)
            waiting = await cursor.to_list()
        first: dict[str, Document] = {}
        for each in waiting:
            first.setdefault(each["about"], each)
        return sorted(first.values(), key=lambda each: each["timestamp"])

    async def claim(self, head: Document, owner: str) -> tuple[Accepted, Lease] | None:
        """Take one of `heads`; None if somebody else was faster."""
        lease = await claim(self.collection, head, owner)
        if lease is None:
            return None
        with translated():
            document = await self.collection.find_one(lease.filter())
        return (Accepted(document), lease) if document is not None else None

    async def remove(self, lease: Lease) -> None:
        """Forget an answered request, if the lease still holds."""
        with translated():
            await self.collection.delete_one(lease.filter())

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
    timestamp: datetime = delivery.timestamp
    return {
        "_id": delivery.request_key,
        "about": _about(event, delivery),
        "topic": delivery.topic,
        "partition": delivery.partition,
        "offset": delivery.offset,
        "timestamp": timestamp,
        "envelope": dict(vars(delivery.envelope)),
        # As text: names that outsiders chose are no fields of ours.
        "event": event.to_json().decode(),
        "actor": {
            "subject": actor.subject,
            "markets": sorted(actor.markets),
            "roles": sorted(actor.roles),
            "is_scheduler": actor.is_scheduler,
        },
    }
