"""The first bytes inside what may be compressed, without unpacking more than those."""

import bz2
import lzma
import zlib
from collections.abc import Callable, Mapping
from typing import Final, Protocol

HEAD_BYTES: Final = 4096
_UNPACKED_BYTES: Final = 64


class _Decompressor(Protocol):
    def decompress(self, data: bytes, max_length: int, /) -> bytes: ...


_ANY_ZLIB: Final = zlib.MAX_WBITS | 32
_MAX_DICTIONARY_BYTES: Final = 128 * 1024 * 1024  # What a header asks for is allocated; preset 9 asks for 65 MB.


def _lzma() -> _Decompressor:
    return lzma.LZMADecompressor(memlimit=_MAX_DICTIONARY_BYTES)


_BY_MAGIC: Final[Mapping[bytes, Callable[[], _Decompressor]]] = {
    b"\x1f\x8b": lambda: zlib.decompressobj(_ANY_ZLIB),
    b"\x78": lambda: zlib.decompressobj(_ANY_ZLIB),
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": _lzma,
    b"\x5d\x00": _lzma,
}
LZ4_FRAME: Final = b"\x04\x22\x4d\x18"
"""joblib writes it too; the standard library can't look inside."""


def unpacked(head: bytes) -> bytes:
    """The first bytes of what `head` begins: itself, or what is compressed in it; nothing if that is broken."""
    for magic, decompressor in _BY_MAGIC.items():
        if head.startswith(magic):
            try:
                return decompressor().decompress(head, _UNPACKED_BYTES)
            except (zlib.error, lzma.LZMAError, OSError, EOFError):
                return b""
    return head
