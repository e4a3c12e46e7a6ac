"""Texts that a parquet file holds once and means many times: unfolded in pieces that memory can hold."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from .compute import pc

MAX_BYTES: Final = 64 << 20
"""Of texts in a batch."""
_FEW_BYTES: Final = 4
"""For each value: there is hardly more than its place in a dictionary."""


def repeated_columns(metadata: pq.FileMetaData, schema: pa.Schema, row_group: int) -> list[str]:
    """Columns of texts or bytes whose values are in a dictionary nearly all: reading that alone is cheaper, too."""
    group = metadata.row_group(row_group)
    return [
        column.path_in_schema
        for column in (group.column(position) for position in range(group.num_columns))
        if _is_repeated(column, group.num_rows) and _is_plain(schema, column.path_in_schema)
    ]


def unfolded(batch: pa.RecordBatch) -> Iterator[pa.RecordBatch]:
    """The batch without dictionaries, in pieces of bounded size, though of a row at least."""
    folded = [column for column in batch.columns if pa.types.is_dictionary(column.type)]
    if not folded:
        yield batch
        return
    total = np.cumsum(sum((_sizes(column) for column in folded), np.zeros(batch.num_rows, dtype=np.int64)))
    begin = 0
    while begin < batch.num_rows:
        before = total[begin - 1] if begin else 0
        end = max(begin + 1, int(np.searchsorted(total, before + MAX_BYTES, side="right")))
        piece = batch.slice(begin, end - begin)
        yield pa.RecordBatch.from_arrays([_decoded(each) for each in piece.columns], names=piece.schema.names)
        begin = end


def _is_repeated(column: Any, rows: int) -> bool:
    if column.physical_type != "BYTE_ARRAY" or not column.has_dictionary_page:
        return False
    dictionary = column.data_page_offset - column.dictionary_page_offset
    return dictionary > 0 and column.total_compressed_size - dictionary <= _FEW_BYTES * rows


def _is_plain(schema: pa.Schema, path: str) -> bool:
    kinds = (pa.string(), pa.binary())
    return schema.names.count(path) == 1 and schema.field(path).type in kinds


def _sizes(column: pa.Array) -> npt.NDArray[np.int64]:
    """Bytes of each row's value."""
    sizes = pc.binary_length(column.dictionary).take(column.indices).fill_null(0)
    return np.asarray(sizes.to_numpy(zero_copy_only=False), dtype=np.int64)


def _decoded(column: pa.Array) -> pa.Array:
    return column.dictionary_decode() if pa.types.is_dictionary(column.type) else column
