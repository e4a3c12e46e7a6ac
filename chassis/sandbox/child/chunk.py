"""A chunk is what is fetched, handed over and scored at once: a parquet row group's bytes."""

import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

from .int96 import Int96Columns, as_declared, int96_columns
from .repeated import repeated_columns, unfolded

BATCH_CELLS = 4_000_000
MAX_BATCH_ROWS = 131_072


class ChunkUnreadable(Exception):
    """The bytes are not what the footer says."""


@dataclass(frozen=True)
class ParquetChunk:
    """One row group: the object's footer, and the bytes from the file's offset `start` on."""

    footer: memoryview
    row_group: int
    start: int
    data: memoryview

    def batches(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        """Batches of those of `names` that the file has. Raises `ChunkUnreadable`."""
        try:
            yield from self._decoded(names)
        except MemoryError as error:
            raise ChunkUnreadable("rows that take more memory than there is: write smaller row groups") from error
        except (pa.ArrowException, OSError) as error:
            raise ChunkUnreadable(str(error)) from error

    def _decoded(self, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        metadata, schema = parse_footer(bytes(self.footer))
        present = [name for name in names if name in schema.names]
        doubled = [name for name in present if schema.names.count(name) > 1]
        if doubled:
            raise ChunkUnreadable(f"the column {doubled[0]} is there more than once")
        repeated = [name for name in repeated_columns(metadata, schema, self.row_group) if name in present]
        file = pq.ParquetFile(
            self._source(), metadata=metadata, coerce_int96_timestamp_unit="us", read_dictionary=repeated
        )
        batches = file.iter_batches(
            batch_size=batch_rows(len(present)), row_groups=[self.row_group], columns=present, use_threads=False
        )
        old_times = sorted(int96_columns(metadata).intersection(present))
        if old_times:
            batches = map(Int96Columns(self._source(), metadata, self.row_group, old_times).put_into, batches)
        for batch in batches:
            yield from unfolded(batch)

    def _source(self) -> pa.PythonFile:
        return pa.PythonFile(_Segment(self.start, self.data), mode="r")


def batch_rows(columns: int) -> int:
    """Rows scored at once: many enough for NumPy, few enough for memory."""
    return max(1_024, min(MAX_BATCH_ROWS, BATCH_CELLS // max(columns, 1)))


@lru_cache(maxsize=4)
def parse_footer(footer: bytes) -> tuple[pq.FileMetaData, pa.Schema]:
    """What a footer says: thrift, its length and the magic number, as they end a parquet file."""
    file = pq.ParquetFile(pa.BufferReader(b"PAR1" + footer), coerce_int96_timestamp_unit="us")
    return file.metadata, as_declared(file.schema_arrow, file.metadata)


class _Segment(io.RawIOBase):
    """A file of which only a stretch is there."""

    def __init__(self, start: int, data: memoryview) -> None:
        self._start, self._data, self._position = start, data, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        end = self._start + len(self._data)
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: end}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def read(self, size: int = -1) -> memoryview:  # pyright: ignore[reportIncompatibleMethodOverride]
        begin = self._position - self._start
        if begin < 0:
            raise OSError(f"offset {self._position} is before the segment")
        piece = self._data[begin:] if size < 0 else self._data[begin : begin + size]
        self._position += len(piece)
        return piece
