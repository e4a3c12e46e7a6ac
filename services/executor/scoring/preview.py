"""The first rows of an input, read without reading it all."""

import io
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from chassis.sandbox.child.csv_records import CsvReader, CsvUnreadable
from chassis.settings import S3Settings
from services.executor.scoring.csv_header import read_dialect
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.listing import InputFormat, freeze_input
from services.executor.scoring.objects import DATASETS, Bucket

_BLOCK_BYTES = 64 * 1024


class RangedFile(io.RawIOBase):
    """An object as a file, of which a read fetches just what it asks for."""

    def __init__(self, bucket: Bucket, source: InputObject) -> None:
        self._bucket, self._source, self._position = bucket, source, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        ends = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._source.size_bytes}
        self._position = offset + ends[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._source.size_bytes)
        if end <= self._position:
            return 0
        data = self._bucket.get_range(self._source, self._position, end)
        buffer[: len(data)] = data
        self._position = end
        return len(data)


def preview(settings: S3Settings, uri: str, data_format: InputFormat, *, rows: int = 20) -> pa.Table:
    """The first `rows` rows of the input's first objects; of a CSV as text. Later objects' own columns don't show.

    Raises:
        ScoringError: `input-…`, `address-refused` or `store-unavailable`.
    """
    bucket, tables, found = Bucket(settings, DATASETS), list[pa.Table](), 0
    read = _parquet_rows if data_format == "parquet" else _csv_rows
    for source in freeze_input(settings, uri, data_format):
        tables.append(read(bucket, source, rows - found))
        found += tables[-1].num_rows
        if found >= rows:
            break
    try:
        return pa.concat_tables(tables, promote_options="permissive")
    except pa.ArrowException as error:
        raise ScoringError("input-mixed-schemas", f"the input's files don't agree: {error}") from error


def _parquet_rows(bucket: Bucket, source: InputObject, rows: int) -> pa.Table:
    """Only from the pages that hold them: a row group may be large."""
    try:
        file = pq.ParquetFile(RangedFile(bucket, source), pre_buffer=False, buffer_size=_BLOCK_BYTES)
        batches = file.iter_batches(batch_size=max(rows, 1), use_threads=False)
        first = next(batches, None)
    except (pa.ArrowException, OSError, ValueError) as error:
        raise ScoringError("input-corrupt", f"{source.key} is no readable parquet file: {error}") from error
    return file.schema_arrow.empty_table() if first is None else pa.Table.from_batches([first]).slice(0, rows)


def _csv_rows(bucket: Bucket, source: InputObject, rows: int) -> pa.Table:
    dialect = read_dialect(bucket, source, ()).dialect
    blocks = (
        bucket.get_range(source, start, min(start + _BLOCK_BYTES, source.size_bytes))
        for start in range(0, source.size_bytes, _BLOCK_BYTES)
    )
    tables, found = list[pa.Table](), 0
    try:
        for block in CsvReader(dialect, blocks).blocks():
            tables.append(block.table)
            found += block.table.num_rows
            if found >= rows:
                break
    except CsvUnreadable as error:
        raise ScoringError("input-corrupt", f"{source.key}: {error}") from error
    names = pa.schema([(name, pa.string()) for name in dialect.names])
    return pa.concat_tables(tables).slice(0, rows) if tables else names.empty_table()
