"""Parts: parquet made in memory, each stored by one put, under a name that no other attempt of its task can have."""

import hashlib
import time
import uuid
from dataclasses import asdict, dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from services.executor.scoring.errors import ScoringError
from services.executor.scoring.objects import Bucket


@dataclass(frozen=True)
class Part:
    """A stored part, as the manifest lists it."""

    key: str
    rows: int
    size_bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


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


@dataclass
class PartWriter:
    """Rows in, parts out: a new one is begun when one is about `part_bytes` large."""

    bucket: Bucket
    prefix: str
    split: int
    part_bytes: int
    parts: list[Part] = field(default_factory=list[Part])
    seconds: float = 0.0
    schema: pa.Schema | None = None
    _sink: pa.BufferOutputStream | None = None
    _writer: pq.ParquetWriter | None = None
    _rows: int = 0

    def write(self, table: pa.Table) -> None:
        """Raises `ScoringError` (`prediction-shape`) where the columns differ from those before."""
        if not table.num_rows:
            return
        began = time.perf_counter()
        writer = self._open(table.schema)
        if table.schema != self.schema:
            raise ScoringError("prediction-shape", type_change(writer.schema, table.schema))
        writer.write_table(table)
        self._rows += table.num_rows
        if self._sink is not None and self._sink.tell() >= self.part_bytes:
            self._store()
        self.seconds += time.perf_counter() - began

    def close(self) -> None:
        began = time.perf_counter()
        if self._rows:
            self._store()
        self.seconds += time.perf_counter() - began

    def _open(self, schema: pa.Schema) -> pq.ParquetWriter:
        if self._writer is None or self._sink is None:
            self.schema = self.schema or schema
            self._sink = pa.BufferOutputStream()
            # Scores hardly repeat: a dictionary of them costs time and space.
            text: Any = [one.name for one in schema if not pa.types.is_primitive(one.type)] or False
            self._writer = pq.ParquetWriter(self._sink, self.schema, use_dictionary=text, compression="snappy")
        return self._writer

    def _store(self) -> None:
        if self._writer is None or self._sink is None:
            return
        self._writer.close()
        data = memoryview(self._sink.getvalue())
        key = f"{self.prefix}part-{self.split:05d}-{uuid.uuid4().hex}.parquet"
        self.bucket.put(key, data)
        self.parts.append(Part(key, self._rows, data.nbytes, hashlib.sha256(data).hexdigest()))
        self._writer, self._sink, self._rows = None, None, 0
