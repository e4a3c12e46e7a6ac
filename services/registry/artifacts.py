"""Takes a model's bytes into the registry's own part of the bucket, under their digest."""

import hashlib
import re
from collections.abc import Awaitable, Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

from chassis.errors import ObjectsUnavailable
from chassis.object_errors import ObjectChanged, ObjectForbidden, ObjectMissing, ObjectUnfit
from chassis.object_search import Found, find
from chassis.objects import Location, ObjectInfo, Objects
from schemas.models import InputBinding, ModelRegistrationRequested, ModelVersionFields
from schemas.values import Artifact
from services.registry.ports import RelyOn, Taken
from services.registry.refusals import (
    ArtifactChanged,
    ArtifactDigestMismatch,
    ArtifactForbidden,
    ArtifactMissing,
    ArtifactPathInvalid,
    ArtifactTooLarge,
    ArtifactUnfit,
)
from services.registry.staging import staged

log = structlog.get_logger(__name__)

HOME: Final = Location("models", "sha256")
_MAX_PATH_BYTES: Final = 900  # An S3 key has at most 1024 bytes; the prefix takes 72.
_PATH: Final = re.compile(r"(?:(?!\.{1,2}(?:/|$))[^/\\?#{}\x00-\x1f\x7f]+(?:/(?!$)|$))+")


Inspect = Callable[[Path, ModelVersionFields], Awaitable[tuple[InputBinding, ...]]]
"""Looks at the bytes that lie there; refuses what isn't right."""


@dataclass(frozen=True)
class Limits:
    """How much one artifact may be."""

    max_bytes: int
    max_objects: int


@dataclass(frozen=True)
class Artifacts:
    """The registry's artifacts. What it takes is copied once and never changed."""

    objects: Objects
    limits: Limits
    inspect: Inspect
    folder: Path

    async def take(self, request: ModelRegistrationRequested, rely_on: RelyOn) -> Taken:
        """Find the artifact that `request` names, have it inspected, and copy it under its digest.

        `rely_on` is called before it is looked what lies there already.

        Raises:
            Refusal: it is missing, not to be had, too large, oddly named, not what its digest or its format say, or
                being changed.
        """
        with _refusing():
            incoming = await self._find(Location.parse(request.artifact.uri))
            there = staged(self.objects, incoming.files, is_directory=incoming.is_directory, folder=self.folder)
            async with there as local:
                digest = digest_of(incoming, local.digests)
                if request.artifact.sha256 not in (None, digest):
                    raise ArtifactDigestMismatch(f"the bytes hash to {digest}")
                bindings = await self.inspect(local.path, request)
            await rely_on(digest)
            for path, info in incoming.files.items():
                await self._keep(info, HOME / digest / path, local.digests[path])
        name = "" if incoming.is_directory else next(iter(incoming.files))
        uri = f"{HOME}/{digest}/{name}"
        log.info("artifact_kept", sha256=digest, objects=len(incoming.files), size_bytes=incoming.size_bytes)
        return Taken(Artifact(uri=uri, sha256=digest, size_bytes=incoming.size_bytes), bindings)

    async def _find(self, location: Location) -> Found:
        incoming = await find(self.objects, location, at_most=self.limits.max_objects)
        if not incoming.files:
            raise ArtifactMissing(f"there is nothing at {location}")
        self._check_limits(incoming)
        return incoming

    def _check_limits(self, incoming: Found) -> None:
        if not incoming.is_all:
            raise ArtifactTooLarge(f"it has more than {self.limits.max_objects} objects")
        if incoming.size_bytes > self.limits.max_bytes:
            raise ArtifactTooLarge(f"it has {incoming.size_bytes} bytes; {self.limits.max_bytes} are allowed")
        for path in incoming.files:
            if not _PATH.fullmatch(path) or len(path.encode()) > _MAX_PATH_BYTES:
                raise ArtifactPathInvalid(f"it has an object whose name can't be kept: {path[:200]!r}")

    async def _keep(self, source: ObjectInfo, target: Location, digest: str) -> None:
        # Read back what lies there, from this time or another, before a fact says that it is so.
        if await self._holds(target, source.size_bytes, digest):
            return
        copied = await self.objects.copy_stream(source, target)
        if copied != digest:
            raise ObjectChanged(str(source.location))
        if not await self._holds(target, source.size_bytes, digest):
            raise ObjectsUnavailable(f"{target} doesn't give back what was written")

    async def _holds(self, target: Location, size_bytes: int, digest: str) -> bool:
        try:
            found = await self.objects.stat(target)
            return found.size_bytes == size_bytes and await self.objects.sha256(found) == digest
        except (ObjectMissing, ObjectChanged):
            return False  # Not there yet, or another worker is just writing the same.


def directory_digest(files: Sequence[tuple[str, int, str]]) -> str:
    r"""The sha256 over the sorted lines `path\0size\0sha256\n`, in hex."""
    lines = sorted(f"{path}\0{size}\0{sha256}\n".encode() for path, size, sha256 in files)
    return hashlib.sha256(b"".join(lines)).hexdigest()


def digest_of(incoming: Found, digests: Mapping[str, str]) -> str:
    """The artifact's own digest, of those of its files by their path."""
    if not incoming.is_directory:
        return next(iter(digests.values()))
    return directory_digest([(path, info.size_bytes, digests[path]) for path, info in incoming.files.items()])


@contextmanager
def _refusing() -> Generator[None]:
    try:
        yield
    except ObjectMissing as error:
        raise ArtifactMissing(f"there is no longer anything at {error}") from error
    except ObjectChanged as error:
        raise ArtifactChanged(f"{error} was changed while it was read") from error
    except (ObjectForbidden, ObjectUnfit) as error:
        if str(error).startswith(str(HOME)):
            raise  # Nothing that the sender could mend.
        if isinstance(error, ObjectForbidden):
            raise ArtifactForbidden(f"the store doesn't let the registry read {error}") from error
        raise ArtifactUnfit(f"the store doesn't give {error}") from error
