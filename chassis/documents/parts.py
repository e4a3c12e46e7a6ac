"""What facts say of their subject's parts (a model's versions): a document a part, so that none grows with them.

A part is written before its subject's document takes the same fact. Whoever stops in between folds the fact again, and
finds in the part's own number that it was there.
"""

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from chassis.documents.client import Database, Document, translated
from chassis.documents.folded import FoldedDocuments, own
from chassis.errors import DocumentConflict
from schemas.event import Event

Fold = Callable[[dict[str, Any], Any], dict[str, Any]]
"""From a replica's fields (empty: nothing known) and the next fact to the fields that hold after it; pure."""

_CONFLICT_TRIES: Final = 10


@dataclass(frozen=True, kw_only=True)
class PartFold:
    """How parts are known: the collection that keeps them, and what a fact says of which part.

    `part_of` is None for a fact that is about no part. `former` splits a subject's fields as they were kept when they
    held all parts in the field `former_field`: what is left of them, and the fields of each part.
    """

    name: str
    part_of: Callable[[Event], str | None]
    fold: Fold
    former_field: str
    former: Callable[[dict[str, Any]], tuple[dict[str, Any], Mapping[str, dict[str, Any]]]]


class Parts:
    """The parts of one replica's subjects; `_id` is `<subject>/<part>`."""

    def __init__(self, database: Database, folded: PartFold) -> None:
        self._documents = FoldedDocuments(database[folded.name])
        self._of = folded

    async def get(self, subject: str, part: str) -> Document | None:
        return await self._documents.read(f"{subject}/{part}")

    async def take(self, fact: Event, sequence: int) -> None:
        """Fold a fact into the part that it is about, if that hasn't been done."""
        part = self._of.part_of(fact)
        if part is None:
            return
        key = f"{fact.subject}/{part}"
        for _ in range(_CONFLICT_TRIES):
            known = await self._documents.read(key)
            if known is not None and sequence <= known["_sequence"]:
                return
            if await self._documents.replace(key, known, self._of.fold(own(known), fact), sequence):
                return
        raise DocumentConflict(key)

    async def fold_anew(self, fact: Event, facts: Callable[[], AsyncIterator[tuple[int, Event]]], must: int) -> None:
        """Make the part that `fact`, with the number `must`, is about from the beginning.

        Raises:
            Exception: the fact still can't be folded; the part stays as it was.
        """
        part = self._of.part_of(fact)
        if part is None:
            return
        key = f"{fact.subject}/{part}"
        for _ in range(_CONFLICT_TRIES):
            known = await self._documents.read(key)
            fields, reached = await self._folded(part, facts(), must)
            if await self._documents.replace(key, known, fields, max(reached, must)):
                return
        raise DocumentConflict(key)

    async def _folded(
        self, part: str, facts: AsyncIterator[tuple[int, Event]], must: int
    ) -> tuple[dict[str, Any], int]:
        fields: dict[str, Any] = {}
        reached = 0
        async for sequence, fact in facts:
            if self._of.part_of(fact) != part:
                continue
            try:
                fields = self._of.fold(fields, fact)
            except Exception:  # It was buried when it came.
                if sequence == must:
                    raise
            reached = sequence
        return fields, reached

    async def split(self, subjects: FoldedDocuments) -> None:
        """Give parts documents of their own where subjects still hold them; done again, it changes nothing."""
        with translated():
            which = {self._of.former_field: {"$exists": True}}
            left = await subjects.collection.find(which, {"_id": 1}).to_list()
        for each in left:
            while not await self._is_split(subjects, each["_id"]):
                pass

    async def _is_split(self, subjects: FoldedDocuments, subject: str) -> bool:
        whole = await subjects.read(subject)
        if whole is None or self._of.former_field not in whole:
            return True
        fields, parts = self._of.former(own(whole))
        for part, its in parts.items():
            # One that is there already is newer.
            await self._documents.replace(f"{subject}/{part}", None, its, whole["_sequence"])
        return await subjects.replace(subject, whole, fields, whole["_sequence"]) is not None
