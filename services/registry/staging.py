"""An artifact's bytes on this machine for as long as they are looked at."""

import asyncio
import hashlib
import shutil
import tempfile
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from chassis.objects import ObjectInfo, Objects


@dataclass(frozen=True)
class Staged:
    """`path` is the file, or the folder of all files; `digests` are their sha256 by their path in it."""

    path: Path
    digests: Mapping[str, str]


@asynccontextmanager
async def staged(
    objects: Objects, files: Mapping[str, ObjectInfo], *, is_directory: bool, folder: Path
) -> AsyncGenerator[Staged]:
    """Fetch `files`, hashing what passes; they are gone when the block ends.

    Raises:
        ObjectMissing, ObjectChanged: as they were fetched.
    """
    root = await asyncio.to_thread(_new_folder, folder)
    try:
        tree = root / "tree" if is_directory else root
        digests = {path: await _fetched(objects, info, tree / path) for path, info in files.items()}
        yield Staged(tree if is_directory else tree / next(iter(files)), digests)
    finally:
        await asyncio.to_thread(shutil.rmtree, root, ignore_errors=True)


def _new_folder(parent: Path) -> Path:
    """The sandbox may have a user of its own, who has to get through."""
    parent.mkdir(mode=0o711, parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(dir=parent))
    made.chmod(0o755)
    return made


async def _fetched(objects: Objects, info: ObjectInfo, target: Path) -> str:
    digest = hashlib.sha256()
    with await asyncio.to_thread(_opened, target) as file:
        async for chunk in objects.stream(info):
            digest.update(chunk)
            await asyncio.to_thread(file.write, chunk)
    return digest.hexdigest()


def _opened(target: Path) -> BinaryIO:
    target.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    file = target.open("wb")
    target.chmod(0o644)
    return file
