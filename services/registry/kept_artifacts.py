"""The registry's own copies, inspected again."""

from dataclasses import dataclass
from pathlib import Path

from chassis.errors import PlatformError
from chassis.object_search import find
from chassis.objects import Location, Objects
from schemas.models import InputBinding, ModelRegistered
from services.registry.artifacts import Inspect, digest_of
from services.registry.staging import staged


class CopyUnfound(PlatformError):
    """The registry's copy isn't there as it was stored: about the model itself that says nothing."""

    code = "artifact-copy-unfound"


@dataclass(frozen=True)
class KeptArtifacts:
    """What stands under `sha256/`. Only the very bytes that were registered are inspected."""

    objects: Objects
    max_objects: int
    inspect: Inspect
    folder: Path

    async def inspect_again(self, version: ModelRegistered) -> tuple[InputBinding, ...]:
        """What each input is bound to, where the model calls it something else.

        Raises:
            FieldRefusal: as at a registration.
            CopyUnfound, ObjectMissing, ObjectChanged, ObjectForbidden, ObjectUnfit, ObjectsUnavailable: the bytes
                aren't to be had.
        """
        location = Location.parse(version.artifact.uri)
        found = await find(self.objects, location, at_most=self.max_objects)
        if not found.files or not found.is_all:
            raise CopyUnfound(f"{location}: {len(found.files)} objects")
        there = staged(self.objects, found.files, is_directory=found.is_directory, folder=self.folder)
        async with there as local:
            if digest_of(found, local.digests) != version.artifact.sha256:
                raise CopyUnfound(f"{location} hashes to {digest_of(found, local.digests)}")
            return await self.inspect(local.path, version)
