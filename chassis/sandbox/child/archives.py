"""Archives, unpacked inside the sandbox: never outside of their folder, never larger than allowed."""

import tarfile
import tempfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 1 << 30
MAX_FILES: Final = 10_000


class ArchiveRefused(Exception):
    """The text says what is wrong with it."""


@cache
def unpacked(path: Path) -> Path:
    """The folder that an archive (zip, or tar in any compression) holds; a folder is that itself.

    Raises:
        ArchiveRefused: it is none, is too large, or has a member that leaves its folder.
    """
    if path.is_dir():
        return path
    target = Path(tempfile.mkdtemp(prefix="model-"))
    if zipfile.is_zipfile(path):
        _unzip(path, target)
    elif tarfile.is_tarfile(path):
        _untar(path, target)
    else:
        raise ArchiveRefused("neither a folder nor a zip or tar archive")
    return target


def _unzip(path: Path, target: Path) -> None:
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        _check(len(members), sum(each.file_size for each in members))
        for member in members:
            name = member.filename
            if name.startswith("/") or ".." in Path(name).parts:
                raise ArchiveRefused(f"the archive's member {name!r} leaves its folder")
        # The sizes in its list are promises that zipfile holds a member to while it reads.
        archive.extractall(target)  # noqa: S202 - every member has been looked at


def _untar(path: Path, target: Path) -> None:
    with tarfile.open(path) as archive:
        count = size = 0
        for member in archive:
            count, size = count + 1, size + member.size
            _check(count, size)
        try:
            archive.extractall(target, filter="data")
        except tarfile.FilterError as error:
            raise ArchiveRefused(f"the archive's member {error.tarinfo.name!r} leaves its folder") from error


def _check(files: int, size_bytes: int) -> None:
    if files > MAX_FILES:
        raise ArchiveRefused(f"the archive holds more than {MAX_FILES} files")
    if size_bytes > MAX_BYTES:
        raise ArchiveRefused(f"the archive unpacks to more than {MAX_BYTES >> 20} MB")
