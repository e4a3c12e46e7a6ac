"""One document a version, written from its model's events just before those are published."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from chassis.bus.outgoing import Outgoing
from chassis.documents.client import Collection, Document, translated
from chassis.errors import DocumentConflict
from schemas.event import Event
from schemas.models import InputBinding, ModelArchived, ModelRegistered, VersionInspected
from schemas.values import ErrorInfo
from services.registry.domain.version import Version, fingerprint

_DECISIVE: Final = {"version": 1, "state": 1, "format": 1, "inspected_by": 1, "unfit": 1}
_INSPECTABLE: Final = {"event": 1, "state": 1, "bindings": 1, "inspected_by": 1}
_KINDS: Final[dict[str, type[ModelRegistered | ModelArchived | VersionInspected]]] = {
    each.event_type: each for each in (ModelRegistered, ModelArchived, VersionInspected)
}
_CONFLICT_TRIES: Final = 10


def version_id(model_id: str, number: int) -> str:
    """A version's `_id`."""
    return f"{model_id}/{number}"


@dataclass(frozen=True)
class Kept:
    """A version as it was registered; `bindings` are those that others know."""

    registered: ModelRegistered
    bindings: tuple[InputBinding, ...]


class Versions:
    """The collection `model_versions`; of what a version once was only its state and its fitness ever change.

    `inspected_by` isn't there, or lower than the rules of now, where an earlier release inspected a version, or none.

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
            await self.collection.create_index("inspected_by")

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
                case VersionInspected() as event:
                    await self._keep_inspected(event, each.envelope.sequence or 0)
                case _:
                    continue

    async def inspected_before(self, rules: int) -> list[str]:
        """The ids of the versions in use that were last inspected by an earlier revision of the rules, or never."""
        found: list[Document] = []
        for which in ({"inspected_by": None}, {"inspected_by": {"$lt": rules}}):
            with translated():
                found += await self.collection.find(which, {"state": 1}).to_list()
        return [each["_id"] for each in found if each.get("state") != "archived"]

    async def kept(self, which: str, rules: int) -> Kept | None:
        """The version with this id, as long as it is due by these rules: in use, and not inspected by them yet."""
        with translated():
            found = await self.collection.find_one({"_id": which}, _INSPECTABLE)
        if found is None or found.get("state") == "archived" or found.get("inspected_by", 0) >= rules:
            return None
        registered = ModelRegistered.model_validate_json(found["event"])
        told = found.get("bindings")
        if told is None:
            return Kept(registered, registered.bindings or ())
        return Kept(registered, tuple(InputBinding.model_validate(each) for each in told))

    async def note(self, which: str, rules: int) -> None:
        """Remember that a version has been inspected by these rules, of which others know all that came of it."""
        with translated():
            await self.collection.update_one({"_id": which}, {"$max": {"inspected_by": rules}})

    async def _find(self, which: Document) -> Version | None:
        with translated():
            found = await self.collection.find_one(which, _DECISIVE)
        if found is None:
            return None
        unfit = found.get("unfit")
        return Version(
            number=found["version"],
            format=found["format"],
            state=found.get("state", "active"),
            inspected_by=found.get("inspected_by", 0),
            unfit=None if unfit is None else ErrorInfo.model_validate(unfit),
        )

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
            "inspected_by": event.inspected_by or 0,
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

    async def _keep_inspected(self, event: VersionInspected, sequence: int) -> None:
        """The latest one's word holds, in whatever order relays come here with them."""
        which = version_id(event.model_id, event.version)
        said: Document = {"unfit": event.unfit and event.unfit.model_dump(), "inspected_sequence": sequence}
        if event.bindings is not None:
            said["bindings"] = [each.model_dump() for each in event.bindings]
        change = {"$set": said, "$max": {"inspected_by": event.inspected_by}}
        for _ in range(_CONFLICT_TRIES):
            with translated():
                stored = await self.collection.find_one({"_id": which}, {"inspected_sequence": 1})
                if stored is None or stored.get("inspected_sequence", 0) >= sequence:
                    return
                as_read = {"_id": which, "inspected_sequence": stored.get("inspected_sequence")}
                if (await self.collection.update_one(as_read, change)).matched_count:
                    return
        raise DocumentConflict(which)


def _with(
    unpublished: Sequence[Outgoing], stored: Version | None, is_meant: Callable[[ModelRegistered], bool]
) -> Version | None:
    """The version as it is after events of which its document may know some, or all, or none."""
    version = stored
    for event in map(_read, unpublished):
        match event:
            case ModelRegistered() if version is None and is_meant(event):
                version = Version(number=event.version, format=event.format, inspected_by=event.inspected_by or 0)
            case ModelArchived(version=int(number)) if version is not None and version.number == number:
                version = replace(version, state="archived")
            case VersionInspected(version=int(number)) if version is not None and version.number == number:
                version = replace(version, inspected_by=event.inspected_by, unfit=event.unfit)
            case _:
                continue
    return version


def _read(outgoing: Outgoing) -> Event | None:
    kind = _KINDS.get(outgoing.envelope.type)
    return None if kind is None else kind.model_validate_json(outgoing.value)
