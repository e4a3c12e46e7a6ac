"""What executions read, object by object, beside the executions: those are loaded and written often."""

import json
import zlib
from datetime import timedelta
from typing import Final

from chassis.clock import Clock
from chassis.documents.client import Collection, translated
from chassis.errors import DocumentConflict
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject

KEPT: Final = timedelta(days=30)
"""Longer than an execution waits for its next attempt; what was read stands in the manifest for good."""
_MAX_BYTES: Final = 15 << 20


class InputListings:
    """The collection `listings`: one document an execution, packed, written once."""

    def __init__(self, collection: Collection, clock: Clock) -> None:
        self._collection, self._clock = collection, clock

    async def prepare(self) -> None:
        with translated():
            await self._collection.create_index("at", expireAfterSeconds=int(KEPT.total_seconds()))

    async def load(self, execution_id: str) -> tuple[InputObject, ...] | None:
        with translated():
            found = await self._collection.find_one({"_id": execution_id})
        return None if found is None else _unpacked(found["objects"])

    async def keep(self, execution_id: str, objects: tuple[InputObject, ...]) -> tuple[InputObject, ...]:
        """What is kept from now on: these, unless somebody else was faster.

        Raises:
            ScoringError: `input-too-many-objects`: they are more than a document holds.
        """
        packed = _packed(objects)
        if len(packed) > _MAX_BYTES:
            raise ScoringError("input-too-many-objects", f"the names of {len(objects)} objects are too long together")
        document = {"_id": execution_id, "objects": packed, "at": self._clock.now()}
        try:
            with translated():
                await self._collection.insert_one(document)
        except DocumentConflict:
            return await self.load(execution_id) or objects
        return objects


def _packed(objects: tuple[InputObject, ...]) -> bytes:
    lines = [[each.key, each.etag, each.size_bytes] for each in objects]
    return zlib.compress(json.dumps(lines, ensure_ascii=False, separators=(",", ":")).encode(), level=1)


def _unpacked(packed: bytes) -> tuple[InputObject, ...]:
    lines = json.loads(zlib.decompress(packed))
    return tuple(InputObject(key=key, etag=etag, size_bytes=size) for key, etag, size in lines)
