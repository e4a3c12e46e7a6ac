"""What lies at an address: one object, or all under it, and never more of them than somebody can use."""

import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final, Protocol

from chassis.object_errors import BAD_NAME, ObjectMissing, ObjectUnfit
from chassis.objects import Location, ObjectInfo

_PASSED_OVER: Final = 10
"""So many objects that nobody wants may lie beside each that is wanted: markers, checksums, what a run left."""
_BAD_NAME: Final = re.compile(r"[\x00-\x1f\x7f]|(?:^|/)\.{0,2}(?:/|$)")
_SHOWN: Final = 200


class Objects(Protocol):
    """An object store."""

    async def stat(self, location: Location) -> ObjectInfo: ...
    def walk(self, prefix: Location) -> AsyncGenerator[ObjectInfo]: ...


@dataclass(frozen=True)
class Found:
    """Objects by their path below the address; a single one by its name. `is_all`: there are no more."""

    files: dict[str, ObjectInfo] = field(default_factory=dict[str, ObjectInfo])
    is_directory: bool = True
    is_all: bool = True

    @property
    def size_bytes(self) -> int:
        return sum(info.size_bytes for info in self.files.values())


def is_data(path: str) -> bool:
    """Markers such as `_SUCCESS` are no data, as Spark and Hive have it; nor is what lies in folders named so."""
    return bool(path) and not any(name.startswith(("_", ".")) for name in path.split("/") if "=" not in name)


async def find(objects: Objects, location: Location, *, at_most: int, wanted: Callable[[str], bool] = bool) -> Found:
    """The object at `location`, or what is wanted of all that lies under it, sorted by path.

    It stops where there is too much: of more than `at_most` that are wanted there is one too many.
    """
    if not location.key.endswith("/"):
        try:
            return Found({location.key.rpartition("/")[2]: await objects.stat(location)}, is_directory=False)
        except ObjectMissing:
            pass
    folder = Location(location.bucket, f"{location.key.rstrip('/')}/")
    files: dict[str, ObjectInfo] = {}
    passed_over = 0
    async with aclosing(objects.walk(folder)) as listed:
        async for each in listed:
            path = each.location.key.removeprefix(folder.key)
            if wanted(path):
                files[path] = each
            else:
                passed_over += 1
            if len(files) > at_most or passed_over > at_most * _PASSED_OVER:
                return Found(files, is_all=False)
    return Found(dict(sorted(files.items())))


def check_names(found: Found) -> None:
    """Raises: ObjectUnfit: there is a name that not every client of the store can say."""
    for path, info in found.files.items():
        if _BAD_NAME.search(path):
            raise ObjectUnfit(f"{str(info.location)[:_SHOWN]!r} ({BAD_NAME})")
