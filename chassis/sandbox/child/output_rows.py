"""Output rows: kept columns beside predictions; and rejected rows as they were read, with what is wrong with them."""

from collections.abc import Callable, Mapping, Sequence
from typing import Final

import numpy as np
import pyarrow as pa

from .chunk import ChunkUnreadable
from .conversion import NO_FOLDERS
from .csv_records import RejectedLines
from .folder_values import column_of
from .hive import values_of
from .layout import Layout

ROW_FIELD: Final = "rejected_row"
REASON_FIELDS: tuple[tuple[str, pa.DataType], ...] = (
    ("rejected_object", pa.string()),
    (ROW_FIELD, pa.int64()),
    ("rejected_column", pa.string()),
    ("rejected_reason", pa.string()),
    ("rejected_line", pa.string()),
)


def in_layout(
    batch: pa.RecordBatch, schema: pa.Schema, folders: Mapping[str, str | None] = NO_FOLDERS
) -> list[pa.Array]:
    """The batch's columns in these types; nulls for one that its object lacks.

    Args:
        batch: a chunk's rows.
        schema: the columns wanted.
        folders: what the folders of the batch's object say (`hive.values_of`); of these columns the batch isn't asked.

    Raises:
        ChunkUnreadable: a column isn't of that type.
        FoldersUnfit: a folder's value isn't.
    """
    return [_column(batch, field, folders) for field in schema]


def accepted_rows(kept: list[pa.Array], layout: Layout, predictions: pa.Table, mask: np.ndarray | None) -> pa.Table:
    """Kept columns of the rows that `mask` leaves (None: all), beside their predictions."""
    if mask is not None and kept:
        left = pa.array(mask)
        kept = [column.filter(left) for column in kept]
    columns = [*kept, *predictions.columns]
    return pa.table(columns, schema=pa.schema([*layout.kept, *predictions.schema.remove_metadata()]))


def rejected_rows(
    rows: pa.RecordBatch, rejections: pa.Table, layout: Layout, *, key: str, row_number: Callable[[int], int]
) -> pa.Table:
    """Rows as they were read, with what is wrong; numbered from 1 within their object.

    Args:
        rows: those that `rejections` is about, one a line of it.
        rejections: rows of the chunk, columns and reasons.
        layout: of the input.
        key: of the object.
        row_number: from a row of the chunk to its number.
    """
    numbers = rejections.column("row").to_pylist()
    columns = [
        *in_layout(rows, _without_reasons(layout.read), values_of(key)),
        pa.array([key] * len(numbers), pa.string()),
        pa.array([row_number(row) for row in numbers], pa.int64()),
        rejections.column("column"),
        rejections.column("reason"),
        pa.nulls(len(numbers), pa.string()),
    ]
    return pa.table(columns, schema=rejected_schema(layout))


def rejected_lines(lines: RejectedLines, layout: Layout, key: str) -> pa.Table:
    """Lines that were no rows, with what their object's folders say."""
    count, folders = len(lines.numbers), values_of(key)
    values: dict[str, Sequence[str | int]] = {
        "rejected_object": [key] * count,
        ROW_FIELD: lines.numbers,
        "rejected_reason": lines.reasons,
        "rejected_line": lines.texts,
    }
    schema = rejected_schema(layout)
    columns = [
        pa.array(values[field.name], field.type)
        if field.name in values
        else column_of(field.name, folders.get(field.name), field.type, count)
        for field in schema
    ]
    return pa.table(columns, schema=schema)


def rejected_schema(layout: Layout) -> pa.Schema:
    return pa.schema([*_without_reasons(layout.read), *[pa.field(name, kind) for name, kind in REASON_FIELDS]])


def _without_reasons(schema: pa.Schema) -> pa.Schema:
    """An input that was a rejected part once has these columns already; they are told anew."""
    ours = {name for name, _ in REASON_FIELDS}
    return pa.schema([field for field in schema if field.name not in ours])


def _column(batch: pa.RecordBatch, field: pa.Field, folders: Mapping[str, str | None]) -> pa.Array:
    if field.name in folders:
        return column_of(field.name, folders[field.name], field.type, batch.num_rows)
    position = batch.schema.get_field_index(field.name)
    if position < 0:
        return pa.nulls(batch.num_rows, field.type)
    try:
        return batch.column(position).cast(field.type)
    except pa.ArrowException as error:
        raise ChunkUnreadable(f"the column {field.name} can't be read as {field.type}: {error}") from error
