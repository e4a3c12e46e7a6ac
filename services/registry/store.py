"""One document a version, written from its event just before that is published."""

from collections.abc import Sequence

from chassis.bus.outgoing import Outgoing
from chassis.documents.client import Collection, translated
from chassis.errors import DocumentConflict
from schemas.models import ModelRegistered


class Versions:
    """The collection `model_versions`; what a version once was never changes."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def prepare(self) -> None:
        with translated():
            await self._collection.create_index([("model_id", 1), ("version", 1)])

    async def keep(self, outgoing: Sequence[Outgoing]) -> None:
        """Store the versions among events that are about to be published; again is the same as once."""
        for each in outgoing:
            if each.envelope.type == ModelRegistered.event_type:
                await self._keep(ModelRegistered.model_validate_json(each.value), each)

    async def _keep(self, event: ModelRegistered, outgoing: Outgoing) -> None:
        document = {
            "model_id": event.model_id,
            "version": event.version,
            "format": event.format,
            "artifact": event.artifact.model_dump(),
            "registered_by": event.registered_by,
            "registered_at": event.registered_at,
            "event_id": outgoing.envelope.id,
            # As text: names that outsiders chose are no fields of ours.
            "event": outgoing.value.decode(),
        }
        key = {"_id": f"{event.model_id}/{event.version}"}
        try:
            with translated():
                await self._collection.update_one(key, {"$setOnInsert": document}, upsert=True)
        except DocumentConflict:
            return  # Another relay has just written the same.
