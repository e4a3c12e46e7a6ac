"""One model on one table, through the platform's own scoring path; to be compared with the model's own library.

    result = scored("sklearn", path, inputs=columns(a="double", b="string?"), data=table)
    assert result.refused is None
    agree(result, library.predict(frame), tolerance=0)

`data` is a table, which becomes a parquet object of several row groups, or the bytes of a CSV object.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from chassis.sandbox.child import formats
from chassis.sandbox.child.binding import ModelUnsupported, SignatureMismatch
from chassis.sandbox.child.chunk import ArrowChunk, Chunk, ParquetChunk
from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.csv_dialect import CsvDialect, read_header
from chassis.sandbox.child.csv_records import CsvReader
from chassis.sandbox.child.outputs import PredictionShape
from chassis.sandbox.child.scoring import ModelFailed, Plan, score_chunk


@dataclass(frozen=True)
class Refused:
    """What the platform says instead of scoring: it must name what to change."""

    code: str
    message: str


@dataclass
class Result:
    """`predictions` of the rows that were not rejected, in their order; `rejected`: reasons by row, from 0."""

    predictions: pa.Table | None = None
    rejected: dict[int, str] = field(default_factory=dict[int, str])
    refused: Refused | None = None

    def __getitem__(self, name: str) -> np.ndarray:
        assert self.predictions is not None, self.refused
        return self.predictions.column(name).to_numpy(zero_copy_only=False)


def columns(**types: str) -> tuple[Column, ...]:
    """Columns by name and type; `?` behind a type: values may be missing."""
    return tuple(Column(name, kind.rstrip("?"), required=not kind.endswith("?")) for name, kind in types.items())


def scored(
    name: str,
    artifact: Path,
    *,
    inputs: Sequence[Column],
    outputs: Sequence[Column] = (),
    data: pa.Table | bytes,
    entrypoint: str | None = None,
    params: dict[str, Any] | None = None,
    row_group_size: int = 100,
) -> Result:
    """Score all of `data`."""
    plan = Plan(tuple(inputs), tuple(outputs), isinstance(data, bytes))
    source = formats.Source(artifact, entrypoint, plan.inputs, plan.outputs, params or {})
    try:
        chosen = formats.find(name)
        chosen.inspect(source)
        model = chosen.load(source)
    except SignatureMismatch as error:
        return Result(refused=Refused("signature-mismatch", str(error)))
    except ModelUnsupported as error:
        return Result(refused=Refused("model-unsupported", str(error)))
    except Exception as error:  # noqa: BLE001 - as the sandboxed child does
        return Result(refused=Refused("artifact-unreadable", f"{type(error).__name__}: {error}"))
    result, tables, first = Result(), list[pa.Table](), 0
    for chunk in _csv_chunks(data) if isinstance(data, bytes) else _parquet_chunks(data, row_group_size):
        try:
            found = score_chunk(chunk, plan, model)
        except ModelFailed as error:
            return Result(refused=Refused("model-failed", str(error)))
        except PredictionShape as error:
            return Result(refused=Refused("prediction-shape", str(error)))
        tables.append(found.predictions)
        for row, column, reason in zip(*found.rejections.to_pydict().values(), strict=True):
            result.rejected[first + row] = f"{column}: {reason}"
        first += found.rows
    result.predictions = pa.concat_tables(tables) if tables else None
    return result


def agree(result: Result, expected: Any, *, output: str = "prediction", tolerance: float = 1e-6) -> None:
    """The platform's numbers are the library's, row by row; texts and classes to the letter."""
    assert result.refused is None, result.refused
    want = np.delete(np.asarray(expected), sorted(result.rejected), axis=0)
    have = result[output]
    if want.dtype.kind in "fiu" and have.dtype.kind in "fiu":
        np.testing.assert_allclose(have, want, rtol=tolerance, atol=tolerance * 1e-3)
    else:
        assert [str(each) for each in have] == [str(each) for each in want]


def _parquet_chunks(table: pa.Table, row_group_size: int) -> list[Chunk]:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=row_group_size)
    raw = sink.getvalue()
    footer = memoryview(raw)[-int.from_bytes(raw[-8:-4], "little") - 8 :]
    groups = range(pq.ParquetFile(io.BytesIO(raw)).num_row_groups)
    return [ParquetChunk(footer, group, 0, memoryview(raw)) for group in groups]


def _csv_chunks(raw: bytes) -> list[Chunk]:
    header = read_header(raw.partition(b"\n")[0])
    reader = CsvReader(CsvDialect(header.delimiter, header.names), iter([memoryview(raw)]))
    return [ArrowChunk(_stream(block.table)) for block in reader.blocks()]


def _stream(table: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())
