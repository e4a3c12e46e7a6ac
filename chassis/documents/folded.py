"""Documents that facts were folded into: replaced only by whoever knows what stands there."""

from typing import Any

from chassis.clock import new_id
from chassis.documents.client import Collection, Document, translated
from chassis.errors import DocumentConflict


class FoldedDocuments:
    """`{_id, _sequence: the last fact's number, _write: an id of its own, …the folded fields}`."""

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    async def read(self, key: str) -> Document | None:
        with translated():
            return await self.collection.find_one({"_id": key})

    async def replace(self, key: str, known: Document | None, fields: dict[str, Any], sequence: int) -> Document | None:
        """Store what follows from `known`, and return it; None when that isn't what is stored any more."""
        document = {"_id": key, **fields, "_sequence": sequence, "_write": new_id()}
        return document if await self._swap(known, document) else None

    async def _swap(self, known: Document | None, document: Document) -> bool:
        if known is None:
            try:
                with translated():
                    await self.collection.insert_one(document)
            except DocumentConflict:
                return False
            return True
        # Any write of anybody's gives the document another `_write`, also one that leaves the number as it is.
        with translated():
            which = {"_id": document["_id"], "_write": known.get("_write")}
            result = await self.collection.replace_one(which, document)
        return result.matched_count == 1


def own(document: Document | None) -> dict[str, Any]:
    """The folded fields alone."""
    return {name: value for name, value in (document or {}).items() if not name.startswith("_")}
