"""Records whose headers have names that aren't UTF-8 can be read all the same.

Kafka's brokers take any bytes for a header's name. aiokafka's reader fails at such a record, before anybody has seen
it, and its partition would be read again from there without end.
"""

from collections.abc import Iterator
from typing import Any, SupportsIndex

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import _DefaultRecordBatchPy  # pyright: ignore[reportPrivateUsage]
from aiokafka.record.memory_records import _MemoryRecordsPy  # pyright: ignore[reportPrivateUsage]
from aiokafka.record.util import decode_varint_py


def read_any_header_name() -> None:
    """From now on all consumers of this process read such records. Bytes of a name that aren't UTF-8 are surrogates."""
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

    def next_batch(self) -> "_Batch":
        raw = self._slices._next_slice  # noqa: SLF001
        return _Batch(self._slices.next_batch(), raw)


class _Batch:
    """A batch that is read fast, and only where that fails in the other way."""

    def __init__(self, batch: Any, raw: memoryview) -> None:
        self._batch = batch
        self._raw = raw

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            yield from self._batch
        except UnicodeDecodeError:
            yield from _bytewise(self._raw)  # From the batch's beginning: the fetcher passes over what it has had.
        except CorruptRecordException as error:
            if not isinstance(error.__cause__, UnicodeDecodeError):
                raise
            yield from _bytewise(self._raw)


class _AnyBytes(bytearray):
    """Bytes whose parts decode, whatever they are."""

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        found = super().__getitem__(index)
        return found if isinstance(found, int) else _AnyBytes(found)

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        _ = errors
        return super().decode(encoding, "surrogateescape")


def _bytewise(raw: memoryview) -> Iterator[Any]:
    batch: Any = _DefaultRecordBatchPy(raw)
    batch._maybe_uncompress()  # noqa: SLF001
    batch._buffer = _AnyBytes(batch._buffer)  # noqa: SLF001
    for _ in range(batch._num_records):  # noqa: SLF001
        yield batch._read_msg(decode_varint_py)  # noqa: SLF001
