"""Whose turn it is: one document a subject that requests wait about, in the collection `queues`.

`{_id: about, appended, first, last, since}`: `appended` grows with every request and is compared and swapped, `first`
and `last` are offsets (nothing that waits stands before `first` or behind `last`), `since` is the time of the request
that was the first when it was last looked at.

A request is in `registrations` before it is counted here, and the last one is gone from there before its queue is; so
whoever stops anywhere leaves a queue too many or a `first` too early, which the next to look sets right, and never a
request without a queue. Looking for the next of a subject never reads all that wait about it: the embedded store knows
no limits, only ranges.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chassis.documents.client import Collection, Document, translated
from chassis.errors import DocumentConflict

_CONFLICT_TRIES: Final = 10
_LOOKED_AT: Final = 1000
_FIRST_RANGE: Final = 16
_FOR_A_CLAIM: Final = {"about": 1, "lease": 1}
_BY_SUBJECT: Final[Sequence[Mapping[str, Any]]] = [
    {
        "$group": {
            "_id": "$about",
            "first": {"$min": "$offset"},
            "last": {"$max": "$offset"},
            "since": {"$min": "$timestamp"},
        }
    }
]


@dataclass(frozen=True, kw_only=True)
class Queue:
    """What waits about one subject, as it was read."""

    about: str
    appended: int
    first: int
    last: int

    @classmethod
    def of(cls, document: Document) -> "Queue":
        return cls(about=document["_id"], appended=document["appended"], first=document["first"], last=document["last"])

    def unchanged(self) -> Document:
        """Matches the document as long as nobody has appended or gone on."""
        return {"_id": self.about, "appended": self.appended, "first": self.first}


class Queues:
    """All queues. `waiting` is the collection of what stands in them, with `about`, `offset` and `timestamp`."""

    def __init__(self, collection: Collection, waiting: Collection) -> None:
        self._collection = collection
        self._waiting = waiting

    async def prepare(self) -> None:
        """Make the indexes that looking needs, and the queues of what was accepted before there were any."""
        with translated():
            await self._waiting.create_index([("about", 1), ("offset", 1)])
            await self._collection.create_index("since")
            found = await (await self._waiting.aggregate(_BY_SUBJECT)).to_list()
        for each in found:
            await self._join(each["_id"], first=each["first"], last=each["last"], since=each["since"])

    async def join(self, about: str, *, offset: int, since: datetime) -> None:
        """Count one more request, which waits already."""
        await self._join(about, first=offset, last=offset, since=since)

    async def has(self, about: str) -> bool:
        """Whether anything waits about this subject."""
        with translated():
            return await self._collection.find_one({"_id": about}, {"_id": 1}) is not None

    async def are_empty(self) -> bool:
        """Whether nothing waits about any subject."""
        with translated():
            return await self._collection.find_one({}, {"_id": 1}) is None

    async def all(self) -> list[Queue]:
        """The queues whose first request waits longest, in that order."""
        with translated():
            documents = await self._collection.find({}).sort([("since", 1)]).limit(_LOOKED_AT).to_list()
        return [Queue.of(each) for each in documents]

    async def head(self, queue: Queue) -> Document | None:
        """The request whose turn it is; None: whoever it was has gone since, and the queue with it, or on."""
        with translated():
            found = await self._waiting.find_one({"about": queue.about, "offset": queue.first}, _FOR_A_CLAIM)
        if found is None:
            await self.advance(queue.about)
        return found

    async def advance(self, about: str) -> None:
        """See who is next now, or that there is nobody.

        Raises:
            DocumentConflict: others appended all the time.
        """
        for _ in range(_CONFLICT_TRIES):
            with translated():
                document = await self._collection.find_one({"_id": about})
            if document is None or await self._advanced(Queue.of(document)):
                return
        raise DocumentConflict(about)

    async def _advanced(self, queue: Queue) -> bool:
        following = await self._next(queue)
        if following is None:
            with translated():
                return (await self._collection.delete_one(queue.unchanged())).deleted_count == 1
        if following["offset"] == queue.first:
            return True
        change = {"$set": {"first": following["offset"], "since": following["timestamp"]}}
        with translated():
            return (await self._collection.update_one(queue.unchanged(), change)).matched_count == 1

    async def _next(self, queue: Queue) -> Document | None:
        begin, size = queue.first, _FIRST_RANGE
        while begin <= queue.last:
            which = {"about": queue.about, "offset": {"$gte": begin, "$lt": begin + size}}
            with translated():
                found = await self._waiting.find(which, {"offset": 1, "timestamp": 1}).to_list()
            if found:
                return min(found, key=lambda each: each["offset"])
            begin, size = begin + size, size * 2
        return None

    async def _join(self, about: str, *, first: int, last: int, since: datetime) -> None:
        change = {
            "$inc": {"appended": 1},
            "$min": {"first": first},
            "$max": {"last": last},
            "$setOnInsert": {"since": since},
        }
        with translated():
            await self._collection.update_one({"_id": about}, change, upsert=True)
