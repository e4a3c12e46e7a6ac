"""Columns of an object as a model would get them, through the platform's own reading and conversion."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from chassis.sandbox.child.chunk import ParquetChunk, parse_footer
from chassis.sandbox.child.conversion import Column, Rejections, convert_rows
from chassis.sandbox.child.csv_dialect import CsvDialect, charset_of, header_of
from chassis.sandbox.child.csv_records import CsvReader

LOST = "its row is rejected"


@dataclass
class Read:
    """`columns`: each row's value or `LOST`, of times the nanoseconds since 1970; `reasons`: of rejected rows, from 0.

    `lines`: of a CSV's lines that are no rows, by record numbers from 1.
    """

    columns: dict[str, list[Any]] = field(default_factory=dict[str, list[Any]])
    reasons: dict[int, str] = field(default_factory=dict[int, str])
    lines: dict[int, str] = field(default_factory=dict[int, str])

    def __getitem__(self, name: str) -> list[Any]:
        return self.columns[name]


def footer_of(raw: bytes) -> memoryview:
    return memoryview(raw)[-int.from_bytes(raw[-8:-4], "little") - 8 :]


def read_parquet(raw: bytes, columns: Sequence[Column]) -> Read:
    footer = footer_of(raw)
    groups = range(parse_footer(bytes(footer))[0].num_row_groups)
    names = [column.name for column in columns]
    chunks = (ParquetChunk(footer, group, 0, memoryview(raw)) for group in groups)
    return _read((batch for chunk in chunks for batch in chunk.batches(names)), columns, text=False)


def read_csv(raw: bytes, columns: Sequence[Column], *, content_type: str | None = None, block: int = 1 << 20) -> Read:
    charset = charset_of(content_type)
    header = header_of(raw, charset, [column.name for column in columns])
    blocks = (memoryview(raw)[at : at + block] for at in range(0, len(raw), block))
    reader = CsvReader(CsvDialect(header.delimiter, header.names, charset), blocks)
    lines, tables = dict[int, str](), list[pa.Table]()
    for one in reader.blocks():
        lines.update(zip(one.rejected.numbers, one.rejected.reasons, strict=True))
        tables.append(one.table)
    found = _read((batch for table in tables for batch in table.to_batches()), columns, text=True)
    found.lines = lines
    return found


def _read(batches: Iterable[pa.RecordBatch], columns: Sequence[Column], *, text: bool) -> Read:
    found, rejections, rows = Read({column.name: [] for column in columns}), Rejections(), 0
    for batch in batches:
        arrays, kept = convert_rows(batch, columns, text=text, first_row=rows, rejections=rejections)
        for column, array in zip(columns, arrays, strict=True):
            assert array.type == column.arrow_type
            plain = iter((array.cast("int64") if column.type == "datetime" else array).to_pylist())
            found.columns[column.name] += [
                next(plain) if kept is None or kept[row] else LOST for row in range(batch.num_rows)
            ]
        rows += batch.num_rows
    table = rejections.table()
    found.reasons = dict(zip(table["row"].to_pylist(), table["reason"].to_pylist(), strict=True))
    for values in found.columns.values():
        assert list(found.reasons) == [row for row, value in enumerate(values) if value == LOST]
    return found
