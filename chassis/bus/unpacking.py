"""Whatever a batch of records holds, reading passes it.

Kafka's brokers take any bytes for a header's name, a few KB that unpack to gigabytes, and may take what our libraries
don't understand. aiokafka's reader fails at such a batch, or takes the process's memory, before anybody has seen a
record of it, and its partition would be read again from there without end.
"""

import struct
from collections.abc import Iterator
from typing import Any, Final, SupportsIndex

import structlog
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import (
    DefaultRecordBase,
    DefaultRecordBatch,
    _DefaultRecordBatchPy,  # pyright: ignore[reportPrivateUsage]
    _DefaultRecordPy,  # pyright: ignore[reportPrivateUsage]
)
from aiokafka.record.memory_records import _MemoryRecordsPy  # pyright: ignore[reportPrivateUsage]
from aiokafka.record.util import decode_varint_py

from chassis.bus.compression import unpacked
from chassis.bus.record import Cut

log = structlog.get_logger(__name__)

KEPT_BYTES: Final = 64 * 1024
_HEADER: Final = DefaultRecordBase.HEADER_STRUCT.size
_ATTRIBUTES_AT: Final = DefaultRecordBase.ATTRIBUTES_OFFSET
# Before this format a batch was another thing; no broker of today takes those.
_BATCHES: Final = 2


def read_whatever_comes() -> None:
    """From now on all consumers of this process pass such batches.

    A name's bytes that aren't UTF-8 are surrogates; what can't be unpacked is a record whose value is `Cut`.
    """
    # The fetcher has no place where a reader of one's own could be handed in.
    fetcher.MemoryRecords = _Records  # pyright: ignore[reportAttributeAccessIssue]


class _Records:
    """What one fetch brought of one partition, in the fetcher's own terms."""

    def __init__(self, data: bytes) -> None:
        self._slices: Any = _MemoryRecordsPy(data)

    def has_next(self) -> bool:
        return self._slices.has_next()

    def size_in_bytes(self) -> int:
        return self._slices.size_in_bytes()

    def next_batch(self) -> Any:
        raw = self._slices._next_slice  # noqa: SLF001
        batch = self._slices.next_batch()
        return _Batch(batch, bytes(raw)) if batch.magic >= _BATCHES else batch


class _Batch:
    """A batch that is read fast, and only where that fails in the other way."""

    def __init__(self, batch: Any, raw: bytes) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        plain, is_whole = self._raw, True
        if self._batch.compression_type != DefaultRecordBase.CODEC_NONE:
            plain, is_whole = _unpacked(self._batch.compression_type, self._raw)
        if is_whole:
            try:
                yield from DefaultRecordBatch(plain)
            except Exception:  # noqa: BLE001, S110 - whatever it is, it is looked at more closely
                pass
            else:
                return
        # From the batch's beginning: the fetcher passes over what it has had.
        yield from _bytewise(plain, code="bad-batch" if is_whole else "too-large")


def _unpacked(codec: int, raw: bytes) -> tuple[bytes, bool]:
    """The batch as it would be uncompressed, and whether that is all of it."""
    try:
        data, is_whole = unpacked(codec, raw[_HEADER:])
    except Exception as error:  # noqa: BLE001 - each library has its own way of saying that it doesn't understand
        log.warning("batch_not_understood", reason=f"{type(error).__name__}: {error}")
        data, is_whole = b"", True
    return _uncompressed(raw[:_HEADER], data), is_whole


def _uncompressed(header: bytes, data: bytes) -> bytes:
    (attributes,) = struct.unpack_from(">h", header, _ATTRIBUTES_AT)
    plain = struct.pack(">h", attributes & ~DefaultRecordBase.CODEC_MASK)
    return header[:_ATTRIBUTES_AT] + plain + header[_ATTRIBUTES_AT + len(plain) :] + data


class _AnyBytes(bytearray):
    """Bytes whose parts decode, whatever they are."""

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        return found if isinstance(found, int) else _AnyBytes(found)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        _ = errors
        return super().decode(encoding, "surrogateescape")


def _bytewise(plain: bytes, *, code: str) -> Iterator[Any]:
    """The records up to the first that can't be read; then that one's beginning, and all others' places."""
    batch: Any = _DefaultRecordBatchPy(plain)
    batch._buffer = _AnyBytes(batch._buffer)  # noqa: SLF001
    following = batch.base_offset
    for _ in range(batch._num_records):  # noqa: SLF001
        begins = batch._pos  # noqa: SLF001
        try:
            record = batch._read_msg(decode_varint_py)  # noqa: SLF001
        except Exception:  # noqa: BLE001 - it ends too early, or is no record
            key, value = _beginning(batch, begins, code)
            yield _record(batch, following, key, value)
            following += 1
            break
        yield record
        following = record.offset + 1
    for offset in range(following, batch.next_offset):
        yield _record(batch, offset, None, Cut.of(b"", code=code, size=None))


def _record(batch: Any, offset: int, key: bytes | None, value: Cut) -> _DefaultRecordPy:
    return _DefaultRecordPy(offset, batch.max_timestamp, batch.timestamp_type, key, value, [])


def _beginning(batch: Any, at: int, code: str) -> tuple[bytes | None, Cut]:
    """Key and value, as far as they are there; the headers stand behind them."""
    data, key = batch._buffer, None  # noqa: SLF001
    try:
        for _ in ("length", "attributes", "timestamp", "offset"):
            _, at = decode_varint_py(data, at)
        size, at = decode_varint_py(data, at)
        if size >= 0:
            key, at = bytes(data[at : at + min(size, KEPT_BYTES)]), at + size
        size, at = decode_varint_py(data, at)
    except (IndexError, ValueError):
        return key, Cut.of(b"", code=code, size=None)
    return key, Cut.of(bytes(data[at : at + min(max(size, 0), KEPT_BYTES)]), code=code, size=max(size, 0))
