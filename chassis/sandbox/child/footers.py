"""A parquet object's footer: its schema, and where its row groups lie."""

from collections.abc import Iterator

import pyarrow as pa
import pyarrow.parquet as pq

from .chunk import parse_footer
from .layout import InputUnfit


def read_footer(key: str, footer: bytes, size_bytes: int) -> tuple[pa.Schema, list[tuple[int, int, int]]]:
    """The schema; and of each row group its rows, and the stretch of the object that its bytes lie in.

    Raises:
        InputUnfit: `input-corrupt`.
    """
    try:
        metadata, schema = parse_footer(footer)
        return schema, list(_row_groups(metadata, size_bytes - len(footer)))
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise InputUnfit("input-corrupt", f"{key} is no readable parquet file: {error}") from error


def _row_groups(metadata: pq.FileMetaData, footer_start: int) -> Iterator[tuple[int, int, int]]:
    for index in range(metadata.num_row_groups):
        group = metadata.row_group(index)
        start, end = _extent(group)
        if group.num_rows and not 0 <= start < end <= footer_start:
            raise ValueError(f"row group {index} lies outside of the file")
        yield (group.num_rows, start, end) if group.num_rows else (0, 0, 0)


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
