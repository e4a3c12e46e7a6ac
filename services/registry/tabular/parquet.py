"""Parquet: a file's schema and its exact number of rows stand in its footer, and nothing else is read."""

from typing import Final

from chassis.sandbox.child.parquet_schema import read_footer
from services.registry.tabular.part import Part, Read, Unreadable

_MAGIC: Final = b"PAR1"
_TRAILER_BYTES: Final = 8
_FIRST_READ_BYTES: Final = 64 * 1024
_MAX_FOOTER_BYTES: Final = 64 * 1024 * 1024


async def footer(read: Read, size_bytes: int) -> bytes:
    """The footer with its trailer: one ranged read, or two.

    Raises:
        Unreadable: it has none, as parquet files do.
    """
    tail = await read(max(size_bytes - _FIRST_READ_BYTES, 0), min(_FIRST_READ_BYTES, size_bytes))
    if len(tail) < _TRAILER_BYTES or not tail.endswith(_MAGIC):
        raise Unreadable("it is no parquet file, or has been cut off")
    needed = int.from_bytes(tail[-_TRAILER_BYTES:-4], "little") + _TRAILER_BYTES
    if needed > min(size_bytes, _MAX_FOOTER_BYTES):
        raise Unreadable("its footer is longer than the file, or than 64 MB")
    return tail[-needed:] if needed <= len(tail) else await read(size_bytes - needed, needed)


def part(data: bytes) -> Part:
    """What a footer says. Raises: Unreadable."""
    found = read_footer(data)
    return Part(found, found.rows)
