"""Requests that aggregates have handled longer ago than their inboxes reach: the collection `handled`."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Final

from chassis.bus.request_key import RequestKey
from chassis.clock import Clock
from chassis.documents.client import Collection, Document, translated
from chassis.documents.inbox import is_for_good, key_in
from chassis.errors import DocumentConflict
from schemas.topics import TOPICS

_REQUESTS_KEPT: Final = max(each.retention for each in TOPICS if each.refusals and each.retention)
KEPT: Final = _REQUESTS_KEPT + timedelta(days=1)
"""A request can come again for as long as its topic keeps it; the day is for clocks and queues."""


class Handled:
    """One document a request and aggregate, `{_id: <collection>/<aggregate>/<key>, left_at}`.

    It goes a while after it has left the inbox; without `left_at` it stays, since what the request made does, too.
    """

    def __init__(self, collection: Collection, clock: Clock) -> None:
        self._collection = collection
        self._clock = clock

    async def prepare(self) -> None:
        with translated():
            await self._collection.create_index("left_at", expireAfterSeconds=int(KEPT.total_seconds()))

    async def has(self, aggregate: str, key: RequestKey) -> bool:
        """Whether `aggregate`, `<collection>/<id>`, has handled this request."""
        with translated():
            found = await self._collection.find_one({"_id": {"$in": _ids(aggregate, key.forms)}}, {"_id": 1})
        return found is not None

    async def keep(self, aggregate: str, entries: Sequence[str]) -> None:
        """Remember what is about to leave the aggregate's inbox; again is the same as once."""
        try:
            with translated():
                await self._collection.insert_many([self._document(aggregate, each) for each in entries], ordered=False)
        except DocumentConflict:
            return  # Some were kept before, and the others are by now.

    def _document(self, aggregate: str, entry: str) -> Document:
        (document_id,) = _ids(aggregate, (key_in(entry),))
        return {"_id": document_id} if is_for_good(entry) else {"_id": document_id, "left_at": self._clock.now()}


def _ids(aggregate: str, keys: Sequence[str]) -> list[str]:
    return [f"{aggregate}/{each}" for each in keys]
