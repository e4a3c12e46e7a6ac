"""One document a version, written from its model's events just before those are published."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

from chassis.bus.outgoing import Outgoing
from chassis.documents.client import Collection, Document, translated
from chassis.errors import DocumentConflict
from schemas.event import Event
from schemas.models import ModelArchived, ModelRegistered
from services.registry.domain.version import Version, fingerprint

_DECISIVE: Final = {"version": 1, "state": 1}
_KINDS: Final[dict[str, type[ModelRegistered | ModelArchived]]] = {
    each.event_type: each for each in (ModelRegistered, ModelArchived)
}


def version_id(model_id: str, number: int) -> str:
    """A version's `_id`."""
    return f"{model_id}/{number}"


class Versions:
    """The collection `model_versions`; of what a version once was only its state ever changes.

    What is asked here is asked for a decision about the model. Its events that aren't published yet (`unpublished`)
    count, too: a version may have no document before its event goes out.
    """

    def __init__(self, collection: Collection) -> None:
        self.collection = collection

    async def prepare(self) -> None:
        with translated():
            await self.collection.create_index([("model_id", 1), ("version", 1)])
            await self.collection.create_index([("model_id", 1), ("fingerprint", 1)])
            await self.collection.create_index("artifact.sha256")

    async def numbered(self, model_id: str, number: int | None, unpublished: Sequence[Outgoing]) -> Version | None:
        """The version of this number; there is none without one."""
        if number is None:
            return None
        stored = await self._find({"_id": version_id(model_id, number)})
        return _with(unpublished, stored, lambda event: event.version == number)

    async def like(self, model_id: str, mark: str, unpublished: Sequence[Outgoing]) -> Version | None:
        """The version with this fingerprint."""
        stored = await self._find({"model_id": model_id, "fingerprint": mark})
        return _with(unpublished, stored, lambda event: fingerprint(event, event.artifact.sha256) == mark)

    async def using(self, digests: Sequence[str]) -> set[str]:
        """Those of these digests that the artifact of some version has, archived or not."""
        which = {"artifact.sha256": {"$in": list(digests)}}
        with translated():
            found = await self.collection.find(which, {"artifact.sha256": 1}).to_list()
        return {each["artifact"]["sha256"] for each in found}

    async def keep(self, outgoing: Sequence[Outgoing]) -> None:
        """Store what events say of versions that are about to be published; again is the same as once."""
        for each in outgoing:
            match _read(each):
                case ModelRegistered() as event:
                    await self._keep(event, each)
                case ModelArchived(model_id=model_id, version=int(number)):
                    await self._archive(model_id, number)
                case _:
                    continue

    async def _find(self, which: Document) -> Version | None:
        with translated():
            found = await self.collection.find_one(which, _DECISIVE)
        return None if found is None else Version(number=found["version"], state=found.get("state", "active"))

    async def _keep(self, event: ModelRegistered, outgoing: Outgoing) -> None:
        document = {
            "model_id": event.model_id,
            "version": event.version,
            "state": "active",
            "fingerprint": fingerprint(event, event.artifact.sha256),
            "format": event.format,
            "artifact": event.artifact.model_dump(),
            "registered_by": event.registered_by,
            "registered_at": event.registered_at,
            "event_id": outgoing.envelope.id,
            # As text: names that outsiders chose are no fields of ours.
            "event": outgoing.value.decode(),
        }
        key = {"_id": version_id(event.model_id, event.version)}
        try:
            with translated():
                await self.collection.update_one(key, {"$setOnInsert": document}, upsert=True)
        except DocumentConflict:
            return  # Another relay has just written the same.

    async def _archive(self, model_id: str, number: int) -> None:
        with translated():
            await self.collection.update_one({"_id": version_id(model_id, number)}, {"$set": {"state": "archived"}})


def _with(
    unpublished: Sequence[Outgoing], stored: Version | None, is_meant: Callable[[ModelRegistered], bool]
) -> Version | None:
    """The version as it is after events of which its document may know some, or all, or none."""
    version = stored
    for event in map(_read, unpublished):
        match event:
            case ModelRegistered() if version is None and is_meant(event):
                version = Version(number=event.version)
            case ModelArchived(version=int(number)) if version is not None and version.number == number:
                version = replace(version, state="archived")
            case _:
                continue
    return version


def _read(outgoing: Outgoing) -> Event | None:
    kind = _KINDS.get(outgoing.envelope.type)
    return None if kind is None else kind.model_validate_json(outgoing.value)
