"""Names inside a zip archive, read from its directory at its end; nothing is unpacked."""

from io import BytesIO
from typing import Final
from zipfile import BadZipFile, ZipFile

from .bundle import Bundle

ZIP_MAGIC: Final = b"PK\x03\x04"
_MAX_DIRECTORY_BYTES: Final = 4 * 1024 * 1024


def names_in_zip(bundle: Bundle, path: str) -> frozenset[str] | None:
    """The names in the archive `path`; None if it is none, or if its directory is larger than 4 MB."""
    if not bundle.head(path, len(ZIP_MAGIC)).startswith(ZIP_MAGIC):
        return None
    # zipfile finds the directory from the end, and takes what is missing in front for an offset.
    return _names(bundle.tail(path, _MAX_DIRECTORY_BYTES))


def _names(tail: bytes) -> frozenset[str] | None:
    try:
        with ZipFile(BytesIO(tail)) as archive:
            return frozenset(archive.namelist())
    except (BadZipFile, ValueError, NotImplementedError, UnicodeDecodeError):
        return None
