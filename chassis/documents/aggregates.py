"""One document is the unit of work: state, outbox and inbox change in one write, or not at all.

Beside the aggregate's own fields a document has `_rev` (for compare-and-swap), `_sequence` (the last fact's number),
`_outbox` (events not yet on the bus; `_outbox_since`: since when) and `_inbox` (the last requests handled). Whoever
looks whether a request was handled reads the document first and then `handled`, where a key is before it leaves here.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final, Generic, Protocol, TypeVar

from pydantic import TypeAdapter

from chassis.bus.delivery import Cause, Delivery
from chassis.bus.outgoing import EventFactory, Outgoing
from chassis.bus.request_key import RequestKey
from chassis.crash_points import CrashPoint, crash_points
from chassis.documents.client import Collection, Document, translated
from chassis.documents.handled import Handled
from chassis.documents.inbox import NEEDED, Inbox
from chassis.documents.inboxes import Inboxes
from chassis.errors import DocumentConflict, FactTooLarge
from schemas.event import Event, Kind
from schemas.topics import FACT_MAX_BYTES, Topic

_CONFLICT_TRIES: Final = 10
# For a key and eight headers, of 255 characters of four bytes each.
_HEADROOM_BYTES: Final = 12 * 1024


class Aggregate(Protocol):
    """A domain object as its collection sees it: `events` is what it has raised since it was loaded."""

    @property
    def events(self) -> list[Event]: ...


A = TypeVar("A", bound=Aggregate)
K = TypeVar("K")
Decide = Callable[[A | None], A | None]
"""From the aggregate as stored to what it should be; None leaves it as it is; refusals are raised."""
Look = Callable[[Sequence[Outgoing]], Awaitable[K]]
"""From the events of an aggregate that aren't known to be on the bus to what else a decision rests on."""


class WakeRelay(Protocol):
    """Told of each document whose outbox has something new.

    `outgoing` is all that is in there, if the writer knows: None has it read.
    """

    def __call__(
        self, collection: Collection, document_id: str, outgoing: Sequence[Outgoing] | None = None
    ) -> None: ...


@dataclass(frozen=True)
class Stored(Generic[A]):
    """An aggregate and where it stood when it was loaded. `revision` 0: it isn't there yet."""

    aggregate: A | None
    revision: int = 0
    sequence: int = 0
    inbox: Inbox = field(default_factory=Inbox)
    outbox: Sequence[Document] = ()

    @property
    def unpublished(self) -> list[Outgoing]:
        return [Outgoing.from_document(each) for each in self.outbox]


@dataclass(frozen=True)
class _Request:
    """What is remembered of a request, and for how long."""

    key: RequestKey
    for_good: bool


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
        handled: Handled,
        topics: Mapping[type[Event], Topic] | None = None,
    ) -> None:
        self.collection = collection
        self._adapter: TypeAdapter[A] = TypeAdapter(kind)
        self._events = events
        self._wake = wake
        self._inboxes = Inboxes(collection, handled)
        self._topics = topics or {}

    async def load(self, aggregate_id: str) -> A | None:
        """The aggregate as stored, or None."""
        return (await self._load(aggregate_id)).aggregate

    async def has_handled(self, aggregate_id: str, request_key: RequestKey) -> bool:
        """Whether this request has changed, or been matched by, this aggregate."""
        # Not asked of the store: an `$or` beside `_id` has the embedded one read the whole collection.
        with translated():
            found = await self.collection.find_one({"_id": aggregate_id}, {**NEEDED, "_outbox_since": 1})
        if found is None or not await self._inboxes.know(aggregate_id, Inbox.of(found), request_key):
            return False
        if "_outbox_since" in found:
            self._remind(aggregate_id)
        return True

    async def shorten_inboxes(self, document_ids: Sequence[str]) -> None:
        """Called by the relay: what these have handled long ago moves from their inboxes to `handled`."""
        await self._inboxes.shorten(document_ids)

    async def answer(self, aggregate_id: str, decide: Decide[A], delivery: Delivery, *, makes: bool = False) -> None:
        """Let the aggregate decide on a request, once.

        The same request again changes nothing. `makes`: not even when no topic can hold it any more, since what it
        made is there for good.

        Raises:
            Refusal: as `decide` raised it; nothing is saved.
            AssignmentLost: the request may be somebody else's by now; nothing is saved.
            DocumentConflict: others wrote it all the time.
        """

        async def nothing(_: Sequence[Outgoing]) -> None:
            return

        await self.answer_knowing(aggregate_id, nothing, lambda known, _: decide(known), delivery, makes=makes)

    async def answer_knowing(
        self,
        aggregate_id: str,
        look: Look[K],
        decide: Callable[[A | None, K], A | None],
        delivery: Delivery,
        *,
        makes: bool = False,
    ) -> None:
        """As `answer`, where the decision rests on more than the aggregate.

        `look` is called after each load and before each decision. What is written elsewhere from events, before they
        are published, is complete for the aggregate as loaded together with the events that `look` is given.
        """
        key = delivery.request_key

        async def unless_handled(stored: Stored[A]) -> A | None:
            if await self._inboxes.know(aggregate_id, stored.inbox, key):
                return None
            return decide(stored.aggregate, await look(stored.unpublished))

        await self._change(
            aggregate_id,
            unless_handled,
            cause=delivery.cause,
            request=_Request(key, for_good=makes),
            before_write=delivery.ensure_live,
        )

    async def change(self, aggregate_id: str, decide: Decide[A], cause: Cause) -> None:
        """Let the aggregate decide on something that no request asked for."""

        async def nothing(_: Sequence[Outgoing]) -> None:
            return

        await self.change_knowing(aggregate_id, nothing, lambda known, _: decide(known), cause)

    async def change_knowing(
        self, aggregate_id: str, look: Look[K], decide: Callable[[A | None, K], A | None], cause: Cause
    ) -> None:
        """As `change`, where the decision rests on more than the aggregate; `look` is as in `answer_knowing`."""

        async def on_aggregate(stored: Stored[A]) -> A | None:
            return decide(stored.aggregate, await look(stored.unpublished))

        await self._change(aggregate_id, on_aggregate, cause=cause)

    async def _change(
        self,
        aggregate_id: str,
        decide: Callable[[Stored[A]], Awaitable[A | None]],
        *,
        cause: Cause,
        request: _Request | None = None,
        before_write: Callable[[], None] = lambda: None,
    ) -> None:
        for _ in range(_CONFLICT_TRIES):
            stored = await self._load(aggregate_id)
            aggregate = None
            try:
                aggregate = await decide(stored)
            finally:
                if aggregate is None and stored.outbox:
                    self._remind(aggregate_id)
            if aggregate is None:
                return
            before_write()
            try:
                await self._save(aggregate_id, aggregate, stored, cause, request)
            except DocumentConflict:
                continue
            return
        raise DocumentConflict(aggregate_id)

    async def _load(self, aggregate_id: str) -> Stored[A]:
        with translated():
            document = await self.collection.find_one({"_id": aggregate_id})
        if document is None:
            return Stored(None)
        return Stored(
            self.from_document(document),
            document["_rev"],
            document["_sequence"],
            Inbox.of(document),
            document.get("_outbox", ()),
        )

    def from_document(self, document: Document) -> A:
        """The aggregate in a document of the collection."""
        return self._adapter.validate_python({k: v for k, v in document.items() if not k.startswith("_")})

    def _remind(self, aggregate_id: str) -> None:
        """Wake for what an earlier save left: whoever made it may never have been told so, and woke nobody."""
        self._wake(self.collection, aggregate_id)

    async def _save(
        self, aggregate_id: str, aggregate: A, stored: Stored[A], cause: Cause, request: _Request | None
    ) -> None:
        outgoing = self._outgoing(aggregate, stored, cause)
        _check_sizes(outgoing)
        inbox = None if request is None else stored.inbox.with_entry(request.key, for_good=request.for_good)
        update = self._update(aggregate, stored, outgoing, inbox)
        with translated():
            # An upsert with revision 0 meets either nothing or the unique _id of what somebody else has just made.
            result = await self.collection.update_one(
                {"_id": aggregate_id, "_rev": stored.revision}, update, upsert=stored.revision == 0
            )
        if result.matched_count == 0 and result.upserted_id is None:
            raise DocumentConflict(aggregate_id)
        crash_points.passing(CrashPoint.SAVED)
        aggregate.events.clear()
        if inbox is not None:
            self._inboxes.saved(aggregate_id, inbox)
        if outgoing:
            # Whatever was saved since the load has made this save fail: what was empty then holds nothing but this.
            self._wake(self.collection, aggregate_id, None if stored.outbox else outgoing)

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
        self, aggregate: A, stored: Stored[A], outgoing: Sequence[Outgoing], inbox: Inbox | None
    ) -> dict[str, Document]:
        fields: dict[str, Any] = self._adapter.dump_python(aggregate, exclude={"events"})
        facts = sum(each.envelope.sequence is not None for each in outgoing)
        update: dict[str, Document] = {
            "$set": fields | {"_rev": stored.revision + 1, "_sequence": stored.sequence + facts}
        }
        if outgoing:
            update["$set"]["_outbox_since"] = self._events.clock.now()
            update["$push"] = {"_outbox": {"$each": [each.to_document() for each in outgoing]}}
        for operator, change in ({} if inbox is None else inbox.written()).items():
            update[operator] = {**update.get(operator, {}), **change}
        return update


def _check_sizes(outgoing: Sequence[Outgoing]) -> None:
    for each in outgoing:
        if len(each.value) + _HEADROOM_BYTES > FACT_MAX_BYTES:
            raise FactTooLarge(f"{each.envelope.type} of {len(each.value)} bytes")
