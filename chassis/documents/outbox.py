"""The outbox in a document: events that are not yet known to be on the bus."""

from collections.abc import Collection as Container
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Self

from pymongo import UpdateOne

from chassis.bus.outgoing import Outgoing
from chassis.documents.client import Collection, Document, translated

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

    def only(self, topic: str) -> "Outbox":
        """Those of its events that go to `topic`."""
        return Outbox(self.document_id, [event for event in self.events if event.topic == topic])

    def among(self, ids: Container[str]) -> "Outbox":
        """Those of its events that have one of these ids."""
        return Outbox(self.document_id, [event for event in self.events if event.envelope.id in ids])

    def without(self, topics: Container[str]) -> "Outbox":
        """Its events less those that go to one of `topics`."""
        return Outbox(self.document_id, [event for event in self.events if event.topic not in topics])


async def forget(collection: Collection, outboxes: Sequence[Outbox]) -> None:
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
