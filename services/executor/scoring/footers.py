"""A parquet object's footer, by ranged reads: its schema, and where its row groups lie."""

from dataclasses import dataclass
from functools import lru_cache

import pyarrow as pa
import pyarrow.parquet as pq

from chassis.sandbox.child.chunk import parse_footer
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.objects import Bucket
from services.executor.scoring.splits import RowGroup

_TAIL_BYTES = 64 * 1024
_MAGIC, _TRAILER_BYTES = b"PAR1", 8


@dataclass(frozen=True)
class Footer:
    source: InputObject
    schema: pa.Schema
    row_groups: tuple[RowGroup, ...]


def read_footer(bucket: Bucket, source: InputObject) -> Footer:
    """Raises `ScoringError` (`input-corrupt`, `input-changed`, `input-missing`)."""
    try:
        raw = _raw_footer(bucket, source)
        metadata, schema = parse_footer(bytes(raw))
        return Footer(source, schema, tuple(_row_groups(source, metadata, source.size_bytes - len(raw))))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise ScoringError("input-corrupt", f"{source.key} is no readable parquet file: {error}") from error


@lru_cache(maxsize=8)
def fetch_footer(bucket: Bucket, source: InputObject, start: int) -> memoryview:
    """The footer's bytes again, in a task."""
    return bucket.get_range(source, start, source.size_bytes)


def _raw_footer(bucket: Bucket, source: InputObject) -> memoryview:
    if source.size_bytes < len(_MAGIC) + _TRAILER_BYTES:
        raise ValueError("it is too short")
    tail = bucket.get_range(source, max(0, source.size_bytes - _TAIL_BYTES), source.size_bytes)
    if bytes(tail[-4:]) != _MAGIC:
        raise ValueError("it doesn't end with PAR1")
    length = int.from_bytes(tail[-8:-4], "little") + _TRAILER_BYTES
    if length > source.size_bytes:
        raise ValueError("its footer would begin before the file")
    return (
        tail[-length:]
        if length <= len(tail)
        else bucket.get_range(source, source.size_bytes - length, source.size_bytes)
    )


def _row_groups(source: InputObject, metadata: pq.FileMetaData, footer_start: int) -> list[RowGroup]:
    groups, first_row = list[RowGroup](), 0
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        start, end = _extent(group)
        if group.num_rows and not 0 <= start < end <= footer_start:
            raise ValueError(f"row group {index} lies outside of the file")
        groups.append(
            RowGroup(
                source=source,
                footer_start=footer_start,
                index=index,
                start=start,
                end=end,
                rows=group.num_rows,
                first_row=first_row,
            )
        )
        first_row += group.num_rows
    return groups


def _extent(group: pq.RowGroupMetaData) -> tuple[int, int]:
    starts, ends = list[int](), list[int]()
    for position in range(group.num_columns):
        column = group.column(position)
        pages = [column.data_page_offset]
        if column.has_dictionary_page and column.dictionary_page_offset:
            pages.append(column.dictionary_page_offset)
        starts.append(min(pages))
        ends.append(min(pages) + column.total_compressed_size)
    return (min(starts), max(ends)) if starts else (0, 0)
