"""What a collection's aggregates have handled: lately, by their own documents, and before, by `handled`."""

from collections.abc import Sequence

from pymongo import UpdateOne

from chassis.bus.request_key import RequestKey
from chassis.crash_points import CrashPoint, crash_points
from chassis.documents.client import Collection, translated
from chassis.documents.handled import Handled
from chassis.documents.inbox import Inbox


class Inboxes:
    """The inboxes of one collection. What is older than the last requests leaves them once `handled` has it.

    A crash, or another process that does the same, repeats a step at most: a key is in one of the two at any time.
    """

    def __init__(self, collection: Collection, handled: Handled) -> None:
        self._collection = collection
        self._handled = handled
        self._leaving: dict[str, Sequence[str]] = {}

    async def know(self, document_id: str, inbox: Inbox, key: RequestKey) -> bool:
        """Whether a request was handled by the aggregate whose inbox, as it was just read, is `inbox`."""
        if inbox.holds(key) or inbox.is_all:
            return inbox.holds(key)
        return await self._handled.has(self._name(document_id), key)

    def saved(self, document_id: str, inbox: Inbox) -> None:
        """Hear of an inbox that was just stored."""
        if inbox.leaving:
            self._leaving[document_id] = inbox.leaving

    async def shorten(self, document_ids: Sequence[str]) -> None:
        """Take what is older than the last requests from these documents' inboxes, where this process made it so."""
        found = {each: self._leaving.pop(each) for each in document_ids if each in self._leaving}
        try:
            for document_id, entries in found.items():
                await self._handled.keep(self._name(document_id), entries)
                crash_points.passing(CrashPoint.REMEMBERED)
            await self._take_off(found)
        except BaseException:
            # A later save has seen these, too, and more.
            self._leaving = found | self._leaving
            raise

    async def _take_off(self, found: dict[str, Sequence[str]]) -> None:
        if found:
            with translated():
                await self._collection.bulk_write(
                    [UpdateOne({"_id": each}, {"$pullAll": {"_inbox": list(found[each])}}) for each in found]
                )

    def _name(self, document_id: str) -> str:
        return f"{self._collection.name}/{document_id}"
