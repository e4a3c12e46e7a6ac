"""What a producer has packed, unpacked as far as there is room: some KB may hold any number of GB."""

import zlib
from typing import Final

import cramjam
from aiokafka.record.default_records import DefaultRecordBase

# A producer packs what it has gathered, a megabyte by custom. So much may be held for each partition that is read.
MAX_UNPACKED_BYTES: Final = 16 * 1024 * 1024
_FULL: Final = "failed to write whole buffer"
_XERIAL: Final = b"\x82SNAPPY\x00"
_XERIAL_HEADER_BYTES: Final = 16


def unpacked(codec: int, packed: bytes, *, limit: int = MAX_UNPACKED_BYTES) -> tuple[bytes, bool]:
    """The first `limit` bytes of what was packed, and whether that is all.

    Raises:
        Exception: whatever the codec's library makes of bytes that it doesn't understand.
    """
    if codec == DefaultRecordBase.CODEC_NONE:
        return packed, True
    if codec == DefaultRecordBase.CODEC_GZIP:
        return _gunzipped(packed, limit)
    if codec == DefaultRecordBase.CODEC_SNAPPY:
        return _unsnapped(packed, limit)
    decompress = {
        DefaultRecordBase.CODEC_LZ4: cramjam.lz4.decompress_into,
        DefaultRecordBase.CODEC_ZSTD: cramjam.zstd.decompress_into,
    }[codec]
    room = _Room.of(limit)
    try:
        size = decompress(packed, room)
    except cramjam.DecompressionError as error:
        if _FULL not in str(error):
            raise
        return bytes(room), False
    return bytes(memoryview(room)[:size]), True


class _Room:
    """One place to unpack into, for all batches: the system gives memory only to as much of it as is ever used."""

    _kept: bytearray = bytearray()

    @classmethod
    def of(cls, size: int) -> bytearray:
        if len(cls._kept) != size:
            cls._kept = bytearray(size)
        return cls._kept


def _gunzipped(packed: bytes, limit: int) -> tuple[bytes, bool]:
    """All members, one after another; what follows the last one is nothing, as for the broker."""
    parts: list[bytes] = []
    left = limit
    while packed[:2] == b"\x1f\x8b":
        member = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
        parts.append(member.decompress(packed, left + 1))
        left -= len(parts[-1])
        if left < 0:
            return b"".join(parts)[:limit], False
        if not member.eof:
            raise EOFError("a gzip member without an end")
        packed = member.unused_data
    if not parts:
        raise zlib.error("no gzip member")
    return b"".join(parts), True


def _unsnapped(packed: bytes, limit: int) -> tuple[bytes, bool]:
    """Snappy knows beforehand how much there will be."""
    parts: list[bytes] = []
    left = limit
    for block in _blocks(packed):
        left -= cramjam.snappy.decompress_raw_len(block)
        if left < 0:
            return b"".join(parts), False
        parts.append(bytes(cramjam.snappy.decompress_raw(block)))
    return b"".join(parts), True


def _blocks(packed: bytes) -> list[bytes]:
    """Java's clients write blocks, each after its length; others one without."""
    if not packed.startswith(_XERIAL):
        return [packed]
    blocks: list[bytes] = []
    at = _XERIAL_HEADER_BYTES
    while at < len(packed):
        size = int.from_bytes(packed[at : at + 4])
        blocks.append(packed[at + 4 : at + 4 + size])
        at += 4 + size
    return blocks
