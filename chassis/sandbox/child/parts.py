"""Parts: rows in, finished parquet files out, as bytes to be stored."""

from dataclasses import dataclass, field
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

from .outputs import PredictionShape

_GROUP_ROWS: Final = 1 << 17
_GROUP_BYTES: Final = 16 << 20


@dataclass(frozen=True)
class Part:
    """A finished file."""

    rows: int
    data: memoryview
    rejected: bool


@dataclass
class PartWriter:
    """Begins a new part when one is about `part_bytes` large. `finished` is for whoever takes it."""

    part_bytes: int
    rejected: bool = False
    schema: pa.Schema | None = None
    finished: list[Part] = field(default_factory=list[Part])
    rows: int = 0
    _waiting: list[pa.Table] = field(default_factory=list[pa.Table])
    _sink: pa.BufferOutputStream | None = None
    _writer: pq.ParquetWriter | None = None
    _part_rows: int = 0

    def write(self, table: pa.Table) -> None:
        """Raises `PredictionShape` where the columns differ from those before."""
        if not table.num_rows:
            return
        self.schema = self.schema or table.schema
        if table.schema != self.schema:
            raise PredictionShape(type_change(self.schema, table.schema))
        self.rows += table.num_rows
        self._waiting.append(table)
        rows, size = sum(each.num_rows for each in self._waiting), sum(each.nbytes for each in self._waiting)
        if rows >= _GROUP_ROWS or size >= _GROUP_BYTES:
            self._write_group()

    def close(self) -> None:
        if self._waiting:
            self._write_group()
        if self._part_rows:
            self._finish()

    def take(self) -> list[Part]:
        """What has been finished since the last time."""
        taken, self.finished = self.finished, []
        return taken

    def _write_group(self) -> None:
        """Small tables together: a row group each would make files that are slow to read."""
        table, self._waiting = pa.concat_tables(self._waiting), []
        if self._writer is None or self._sink is None:
            self._sink = pa.BufferOutputStream()
            # Scores hardly repeat: a dictionary of them costs time and space.
            text: Any = [one.name for one in table.schema if not pa.types.is_primitive(one.type)] or False
            self._writer = pq.ParquetWriter(self._sink, table.schema, use_dictionary=text, compression="snappy")
        self._writer.write_table(table)
        self._part_rows += table.num_rows
        if self._sink is not None and self._sink.tell() >= self.part_bytes:
            self._finish()

    def _finish(self) -> None:
        if self._writer is None or self._sink is None:
            return
        self._writer.close()
        self.finished.append(Part(self._part_rows, memoryview(self._sink.getvalue()), self.rejected))
        self._writer, self._sink, self._part_rows = None, None, 0


def type_change(before: pa.Schema, after: pa.Schema) -> str:
    """What differs between two schemas of one model's output, and what to do about it."""
    changed = [field.name for field in before if field not in after] or before.names
    types = (
        ", ".join(str(each.field(name).type) for name in changed if name in each.names) for each in (before, after)
    )
    first, then = types
    return (
        f"the model's output {', '.join(changed)} is of type {first} for some rows and {then} for others:"
        " declare its type in the signature's outputs"
    )
