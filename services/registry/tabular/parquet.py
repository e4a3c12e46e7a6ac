"""Parquet: what a file says of itself stands in its footer, and nothing else is read."""

from collections.abc import Awaitable, Callable
from typing import Final

Read = Callable[[int, int], Awaitable[bytes]]
"""`(offset, length)` -> bytes; reads inside the object only."""

_MAGIC: Final = b"PAR1"
_TRAILER_BYTES: Final = 8
_FIRST_READ_BYTES: Final = 64 * 1024
_MAX_FOOTER_BYTES: Final = 64 * 1024 * 1024


class NoFooter(ValueError):
    """The object has none, as parquet files do; `str()` of it follows the object's name."""


async def footer(read: Read, size_bytes: int) -> bytes:
    """The footer with its trailer: one ranged read, or two. Raises: NoFooter."""
    tail = await read(max(size_bytes - _FIRST_READ_BYTES, 0), min(_FIRST_READ_BYTES, size_bytes))
    if len(tail) < _TRAILER_BYTES or not tail.endswith(_MAGIC):
        raise NoFooter("it is no parquet file, or has been cut off")
    needed = int.from_bytes(tail[-_TRAILER_BYTES:-4], "little") + _TRAILER_BYTES
    if needed > min(size_bytes, _MAX_FOOTER_BYTES):
        raise NoFooter("its footer is longer than the file, or than 64 MB")
    return tail[-needed:] if needed <= len(tail) else await read(size_bytes - needed, needed)
