"""One document is the unit of work: state, outbox and inbox change in one write, or not at all.

Beside the aggregate's own fields a document has `_rev` (for compare-and-swap), `_sequence` (the last fact's number),
`_outbox` (events not yet on the bus; `_outbox_since`: since when), `_inbox` (the last requests handled) and `_made`
(the requests that made something, for good).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import count
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from chassis.bus.delivery import Cause, Delivery
from chassis.bus.outgoing import EventFactory, Outgoing
from chassis.crash_points import CrashPoint, crash_points
from chassis.documents.client import Collection, Document, translated
from chassis.errors import DocumentConflict, FactTooLarge
from schemas.event import Event, Kind
from schemas.topics import FACT_MAX_BYTES, Topic

INBOX_LENGTH: Final = 64
_CONFLICT_TRIES: Final = 10
# For a key and eight headers, of 255 characters of four bytes each.
_HEADROOM_BYTES: Final = 12 * 1024


class Aggregate(Protocol):
    """A domain object as its collection sees it: `events` is what it has raised since it was loaded."""

    @property
    def events(self) -> list[Event]: ...


A = TypeVar("A", bound=Aggregate)
Decide = Callable[[A | None], A | None]
"""From the aggregate as stored to what it should be; None leaves it as it is; refusals are raised."""


class WakeRelay(Protocol):
    """Told of each document whose outbox has something new.

    `outgoing` is all that is in there, if the writer knows: None has it read.
    """

    def __call__(
        self, collection: Collection, document_id: str, outgoing: Sequence[Outgoing] | None = None
    ) -> None: ...


@dataclass(frozen=True)
class Stored(Generic[A]):
    """An aggregate and where it stood when it was loaded. `revision` 0: it isn't there yet.

    `is_published`: its outbox was empty.
    """

    aggregate: A | None
    revision: int
    sequence: int
    handled: frozenset[str]
    is_published: bool


class Aggregates(Generic[A]):
    """The collection of one kind of aggregate, a standard dataclass with the fields that are stored.

    Fields of the dataclass named `events` stay in memory. `topics` says where events go that may travel on several.
    """

    def __init__(
        self,
        collection: Collection,
        kind: type[A],
        *,
        events: EventFactory,
        wake: WakeRelay,
        topics: Mapping[type[Event], Topic] | None = None,
    ) -> None:
        self.collection = collection
        self._adapter: TypeAdapter[A] = TypeAdapter(kind)
        self._events = events
        self._wake = wake
        self._topics = topics or {}

    async def load(self, aggregate_id: str) -> A | None:
        """The aggregate as stored, or None."""
        return (await self._load(aggregate_id)).aggregate

    async def has_handled(self, aggregate_id: str, request_key: str) -> bool:
        """Whether this request has changed, or been matched by, this aggregate."""
        # Not asked of the store: an `$or` beside `_id` has the embedded one read the whole collection.
        with translated():
            found = await self.collection.find_one({"_id": aggregate_id}, {"_inbox": 1, "_made": 1})
        return found is not None and request_key in _handled(found)

    async def answer(self, aggregate_id: str, decide: Decide[A], delivery: Delivery, *, makes: bool = False) -> None:
        """Let the aggregate decide on a request, once.

        The same request again changes nothing. `makes` remembers it for good, not only among the last few.

        Raises:
            Refusal: as `decide` raised it; nothing is saved.
            AssignmentLost: the request may be somebody else's by now; nothing is saved.
            DocumentConflict: others wrote it all the time.
        """

        def unless_handled(stored: Stored[A]) -> A | None:
            return None if delivery.request_key in stored.handled else decide(stored.aggregate)

        await self._change(
            aggregate_id,
            unless_handled,
            cause=delivery.cause,
            request_key=delivery.request_key,
            makes=makes,
            before_write=delivery.ensure_live,
        )

    async def change(self, aggregate_id: str, decide: Decide[A], cause: Cause) -> None:
        """Let the aggregate decide on something that no request asked for."""
        await self._change(aggregate_id, lambda stored: decide(stored.aggregate), cause=cause)

    async def _change(
        self,
        aggregate_id: str,
        decide: Callable[[Stored[A]], A | None],
        *,
        cause: Cause,
        request_key: str | None = None,
        makes: bool = False,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        for _ in range(_CONFLICT_TRIES):
            stored = await self._load(aggregate_id)
            aggregate = decide(stored)
            if aggregate is None:
                return
            before_write()
            try:
                await self._save(aggregate_id, aggregate, stored, cause, request_key, makes=makes)
            except DocumentConflict:
                continue
            return
        raise DocumentConflict(aggregate_id)

    async def _load(self, aggregate_id: str) -> Stored[A]:
        with translated():
            document = await self.collection.find_one({"_id": aggregate_id})
        if document is None:
            return Stored(None, 0, 0, frozenset(), is_published=True)
        return Stored(
            self.from_document(document),
            document["_rev"],
            document["_sequence"],
            _handled(document),
            is_published=not document.get("_outbox"),
        )

    def from_document(self, document: Document) -> A:
        """The aggregate in a document of the collection."""
        return self._adapter.validate_python({k: v for k, v in document.items() if not k.startswith("_")})

    async def _save(
        self, aggregate_id: str, aggregate: A, stored: Stored[A], cause: Cause, request_key: str | None, *, makes: bool
    ) -> None:
        outgoing = self._outgoing(aggregate, stored, cause)
        _check_sizes(outgoing)
        update = self._update(aggregate, stored, outgoing, request_key, makes=makes)
        with translated():
            # An upsert with revision 0 meets either nothing or the unique _id of what somebody else has just made.
            result = await self.collection.update_one(
                {"_id": aggregate_id, "_rev": stored.revision}, update, upsert=stored.revision == 0
            )
        if result.matched_count == 0 and result.upserted_id is None:
            raise DocumentConflict(aggregate_id)
        crash_points.passing(CrashPoint.SAVED)
        aggregate.events.clear()
        if outgoing:
            # Whatever was saved since the load has made this save fail: what was empty then holds nothing but this.
            self._wake(self.collection, aggregate_id, outgoing if stored.is_published else None)

    def _outgoing(self, aggregate: A, stored: Stored[A], cause: Cause) -> list[Outgoing]:
        """Facts are numbered on from the last one; what else the aggregate raises has no place in that count."""
        numbers = count(stored.sequence + 1)
        return [
            self._events.make(
                event,
                cause,
                sequence=next(numbers) if event.kind is Kind.FACT else None,
                topic=self._topics.get(type(event)),
            )
            for event in aggregate.events
        ]

    def _update(
        self, aggregate: A, stored: Stored[A], outgoing: Sequence[Outgoing], request_key: str | None, *, makes: bool
    ) -> Document:
        fields: dict[str, Any] = self._adapter.dump_python(aggregate, exclude={"events"})
        facts = sum(each.envelope.sequence is not None for each in outgoing)
        fields |= {"_rev": stored.revision + 1, "_sequence": stored.sequence + facts}
        pushes: dict[str, Any] = {}
        if outgoing:
            fields["_outbox_since"] = self._events.clock.now()
            pushes["_outbox"] = {"$each": [each.to_document() for each in outgoing]}
        if request_key is not None and makes:
            pushes["_made"] = request_key
        elif request_key is not None:
            pushes["_inbox"] = {"$each": [request_key], "$slice": -INBOX_LENGTH}
        return {"$set": fields, "$push": pushes} if pushes else {"$set": fields}


def _handled(document: Document) -> frozenset[str]:
    return frozenset((*document.get("_inbox", ()), *document.get("_made", ())))


def _check_sizes(outgoing: Sequence[Outgoing]) -> None:
    for each in outgoing:
        if len(each.value) + _HEADROOM_BYTES > FACT_MAX_BYTES:
            raise FactTooLarge(f"{each.envelope.type} of {len(each.value)} bytes")
