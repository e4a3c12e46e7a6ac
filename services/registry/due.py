"""Versions that wait to be inspected again: the collection `inspections`.

`{_id: model/number, rules, lease, not_before}`: `rules` is the revision by which it is to be done. A registry of before
knows nothing of later rules and leaves those alone.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from chassis.documents import client
from chassis.documents.client import Document, translated
from chassis.documents.leases import Lease
from chassis.errors import DocumentConflict

_AT_ONCE: Final = 500
_HAS_ALIASES: Final = {"aliases.0": {"$exists": True}}


@dataclass(frozen=True)
class Waiting:
    """Whose turn is next, in that order, and how many wait altogether."""

    next: Sequence[str]
    count: int


class Due:
    """All that wait; `models` says where aliases point."""

    def __init__(self, collection: client.Collection, models: client.Collection) -> None:
        self.collection = collection
        self._models = models

    async def add(self, versions: Sequence[str], rules: int) -> None:
        """Let these wait; one that does so already goes on, and is done by these rules."""
        with translated():
            await self.collection.update_many({"rules": {"$lt": rules}}, {"$set": {"rules": rules}})
        for first in range(0, len(versions), _AT_ONCE):
            documents: list[Document] = [{"_id": each, "rules": rules} for each in versions[first : first + _AT_ONCE]]
            with suppress(DocumentConflict), translated():
                await self.collection.insert_many(documents, ordered=False)

    async def waiting(self, rules: int, now: datetime, *, at_most: int) -> Waiting:
        """What may be done now: what aliases point at before the rest, and of each model its newest version first."""
        with translated():
            found = await self.collection.find({"rules": {"$lt": rules + 1}}, {"not_before": 1}).to_list()
        ready = [each["_id"] for each in found if (until := each.get("not_before")) is None or until <= now]
        return Waiting(sorted(ready, key=_urgency(await self._pointed_at() if ready else ()))[:at_most], len(found))

    async def read(self, which: str) -> Document | None:
        with translated():
            return await self.collection.find_one({"_id": which})

    async def remove(self, lease: Lease) -> None:
        """It has been done, if the lease still holds."""
        with translated():
            await self.collection.delete_one(lease.filter())

    async def put_off(self, lease: Lease, until: datetime) -> None:
        """Give it back, to be tried later."""
        change = {"$set": {"lease.owner": None, "not_before": until}, "$inc": {"lease.returned": lease.attempts}}
        with translated():
            await self.collection.update_one(lease.filter(), change)

    async def _pointed_at(self) -> set[str]:
        with translated():
            models = await self._models.find(_HAS_ALIASES, {"aliases": 1}).to_list()
        return {f"{model['_id']}/{alias['version']}" for model in models for alias in model["aliases"]}


def _urgency(pointed_at: Collection[str]) -> Callable[[str], tuple[Any, ...]]:
    def of(which: str) -> tuple[Any, ...]:
        model_id, _, number = which.rpartition("/")
        return which not in pointed_at, -int(number), model_id

    return of
