"""Output rows: kept columns beside predictions; and rejected rows as they were read, with what is wrong with them."""

from collections import Counter
from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from chassis.sandbox.child.chunk import ChunkUnreadable
from chassis.sandbox.child.scoring import Scored
from chassis.sandbox.output_lines import cleaned
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.layout import Layout
from services.executor.scoring.reading import LoadedChunk

Reason = tuple[str, str]
"""The column, empty where a line was no row at all, and what is wrong."""

REASON_FIELDS: tuple[tuple[str, pa.DataType], ...] = (
    ("rejected_object", pa.string()),
    ("rejected_row", pa.int64()),
    ("rejected_column", pa.string()),
    ("rejected_reason", pa.string()),
    ("rejected_line", pa.string()),
)


_REASON_CHARACTERS = 200


def accepted_rows(loaded: LoadedChunk, scored: Scored, layout: Layout) -> pa.Table:
    kept = _read(loaded, layout.kept)
    if scored.rejections.num_rows and kept.num_columns:
        mask = np.ones(loaded.rows, dtype=np.bool_)
        mask[scored.rejections.column("row").to_numpy()] = False
        kept = kept.filter(pa.array(mask))
    columns = [*kept.columns, *scored.predictions.columns]
    return pa.table(columns, schema=pa.schema([*kept.schema, *scored.predictions.schema.remove_metadata()]))


def rejected_rows(loaded: LoadedChunk, scored: Scored, layout: Layout) -> pa.Table:
    """Numbered from 1 within their object: rows of a parquet file, records below the header of a CSV."""
    rows = scored.rejections.column("row")
    read = _without_reasons(layout.read)
    table = _read(loaded, read).take(rows) if len(rows) else read.empty_table()
    columns = [
        pa.array([loaded.source.key] * len(rows), pa.string()),
        pa.array([loaded.row_number(row) for row in rows.to_pylist()], pa.int64()),
        scored.rejections.column("column"),
        scored.rejections.column("reason"),
        pa.nulls(len(rows), pa.string()),
    ]
    whole = pa.table([*table.columns, *columns], schema=rejected_schema(layout))
    return pa.concat_tables([whole, _lines(loaded, layout)]) if loaded.lines.numbers else whole


def count_reasons(rejections: pa.Table, lines: Sequence[str]) -> Counter[Reason]:
    """Rows by reason. What a model's own process says is cleaned: it may be anything."""
    counted = Counter(("", reason) for reason in lines)
    for row in rejections.group_by(["column", "reason"]).aggregate([([], "count_all")]).to_pylist():
        column, reason = (cleaned(row[name] or "", _REASON_CHARACTERS) for name in ("column", "reason"))
        counted[column, reason] += row["count_all"]
    return counted


def rejected_schema(layout: Layout) -> pa.Schema:
    return pa.schema([*_without_reasons(layout.read), *[pa.field(name, kind) for name, kind in REASON_FIELDS]])


def _lines(loaded: LoadedChunk, layout: Layout) -> pa.Table:
    lines, count = loaded.lines, len(loaded.lines.numbers)
    values = {
        "rejected_object": [loaded.source.key] * count,
        "rejected_row": lines.numbers,
        "rejected_reason": lines.reasons,
        "rejected_line": lines.texts,
    }
    return pa.table(
        [
            pa.array(values[field.name], field.type) if field.name in values else pa.nulls(count, field.type)
            for field in rejected_schema(layout)
        ],
        schema=rejected_schema(layout),
    )


def _without_reasons(schema: pa.Schema) -> pa.Schema:
    """An input that was a rejected part once has these columns already; they are told anew."""
    ours = {name for name, _ in REASON_FIELDS}
    return pa.schema([field for field in schema if field.name not in ours])


def _read(loaded: LoadedChunk, schema: pa.Schema) -> pa.Table:
    """The chunk's columns in the layout's types; nulls for one that this object lacks."""
    if not schema.names:
        return schema.empty_table()
    try:
        batches = list(loaded.chunk.batches(schema.names))
        columns = [_column(batches, field, loaded.rows) for field in schema]
        table = pa.table(columns, schema=schema)
    except (ChunkUnreadable, pa.ArrowException) as error:
        raise ScoringError("input-corrupt", loaded.place(str(error), None)) from error
    if table.num_rows != loaded.rows:
        raise ScoringError("input-corrupt", loaded.place(f"{table.num_rows} rows instead of {loaded.rows}", None))
    return table


def _column(batches: list[pa.RecordBatch], field: pa.Field, rows: int) -> pa.ChunkedArray:
    if not batches or field.name not in batches[0].schema.names:
        return pa.chunked_array([pa.nulls(rows, field.type)])
    try:
        return pa.chunked_array([batch.column(field.name).cast(field.type) for batch in batches], field.type)
    except pa.ArrowException as error:
        raise ChunkUnreadable(f"the column {field.name} can't be read as {field.type}: {error}") from error
