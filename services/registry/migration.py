"""Models whose documents list their versions, as they did before each had a document to decide on."""

import asyncio
from typing import Final

import structlog

from chassis.documents.client import Collection, Document, translated
from services.registry.store import version_id

log = structlog.get_logger(__name__)

_AT_ONCE: Final = 100
_LISTS_VERSIONS: Final = {"versions.0": {"$exists": True}}


class Migration:
    """Moves what was in the lists into `model_versions` and leaves their lengths. Done again, it changes nothing.

    A version's event may still be in the outbox: then its document is made from that, as always.
    """

    def __init__(self, models: Collection, versions: Collection) -> None:
        self._models = models
        self._versions = versions

    async def run(self) -> None:
        """Migrate every model that is left, before anything is decided."""
        with translated():
            left = await self._models.find(_LISTS_VERSIONS, {"_id": 1}).to_list()
        for each in left:
            while not await self._is_migrated(each["_id"]):
                log.info("model_migrated", model_id=each["_id"])

    async def _is_migrated(self, model_id: str) -> bool:
        """Whether there was nothing to do; else it has been tried."""
        with translated():
            model = await self._models.find_one({"_id": model_id, **_LISTS_VERSIONS}, {"versions": 1, "_rev": 1})
        if model is None:
            return True
        versions = model["versions"]
        for first in range(0, len(versions), _AT_ONCE):
            await asyncio.gather(*(self._move(model_id, each) for each in versions[first : first + _AT_ONCE]))
        change = {"$set": {"versions": len(versions), "_rev": model["_rev"] + 1}}
        with translated():
            await self._models.update_one({"_id": model_id, "_rev": model["_rev"]}, change)
        return False

    async def _move(self, model_id: str, version: Document) -> None:
        # A document that has a state is newer than the list.
        which = {"_id": version_id(model_id, version["number"]), "state": {"$exists": False}}
        with translated():
            await self._versions.update_one(
                which, {"$set": {"state": version["state"], "fingerprint": version["fingerprint"]}}
            )
