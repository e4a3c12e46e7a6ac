"""One model on one table, through the platform's own scoring path; to be compared with the model's own library.

    result = scored("sklearn", path, inputs=columns(a="double", b="string?"), data=table)
    assert result.refused is None
    agree(result, library.predict(frame), tolerance=0)

`data` is a table, which becomes a parquet object of several row groups, or the bytes of a CSV object.
"""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.csv_bounds import MAX_HEADER_BYTES
from chassis.sandbox.child.here import Here
from chassis.sandbox.child.here import Refused as HereRefused
from chassis.sandbox.child.packing import whole_numbers


@dataclass(frozen=True)
class Refused:
    """What the platform says instead of scoring: it must name what to change.

    `detail` stands in the log alone; `row` is a chunk's, from 0, where it is about one.
    """

    code: str
    message: str
    detail: str = ""
    row: int | None = None


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
    """Score all of `data`: planned, loaded, scored and written by what runs in the sandboxed child."""
    raw = data if isinstance(data, bytes) else _parquet(data, row_group_size)
    said = {"inputs": [vars(each) for each in inputs], "outputs": [vars(each) for each in outputs]}
    task = {"path": str(artifact), "format": name, "entrypoint": entrypoint, "params": params or {}, **said}
    child, parts = Here(), list[tuple[bool, bytes]]()
    try:
        child.ask({"op": "plan"}, json.dumps({"model": "the model", "uri": "it", "keep": (), **said}).encode())
        chunks = list(_csv(child, raw) if isinstance(data, bytes) else _row_groups(child, raw))
        _, (layout, *_) = child.ask({"op": "layout"})
        child.ask({"op": "load"}, json.dumps({**task, "text": isinstance(data, bytes)}).encode())
        nothing = {"bins": [], "every": 1}
        begin = {"op": "begin", "part_bytes": 1 << 26, "every": 1}
        child.ask(begin, layout, json.dumps([nothing, nothing]).encode())
        for header, pieces in [*chunks, ({"op": "end"}, ())]:
            answer, given = child.ask(header, *pieces)
            parts += [(said[1], bytes(piece)) for said, piece in zip(answer["parts"], given, strict=False)]
    except HereRefused as refusal:
        failure = refusal.failure
        return Result(refused=Refused(failure.code, failure.message, failure.detail, failure.row))
    return _result(parts)


def inspected(
    name: str,
    artifact: Path,
    *,
    inputs: Sequence[Column],
    outputs: Sequence[Column] = (),
    params: dict[str, Any] | None = None,
) -> Refused | None:
    """What the registry would say of a version of this model and signature; None: nothing against it."""
    said = {"inputs": [vars(each) for each in inputs], "outputs": [vars(each) for each in outputs]}
    task = {"path": str(artifact), "format": name, "entrypoint": None, "params": params or {}, **said}
    try:
        Here().ask({"op": "inspect"}, json.dumps(task).encode())
    except HereRefused as refusal:
        return Refused(refusal.failure.code, refusal.failure.message, refusal.failure.detail)
    return None


def _result(parts: Sequence[tuple[bool, bytes]]) -> Result:
    tables = [(rejected, pq.read_table(io.BytesIO(raw))) for rejected, raw in parts]
    result = Result()
    accepted = [table for rejected, table in tables if not rejected]
    result.predictions = pa.concat_tables(accepted) if accepted else None
    for rejected, table in tables:
        for row in table.to_pylist() if rejected else ():
            result.rejected[row["rejected_row"] - 1] = f"{row['rejected_column']}: {row['rejected_reason']}"
    return result


def _row_groups(child: Here, raw: bytes) -> Iterator[tuple[dict[str, Any], tuple[memoryview, ...]]]:
    footer = memoryview(raw)[-int.from_bytes(raw[-8:-4], "little") - 8 :]
    _, (groups,) = child.ask({"op": "footer", "key": "it", "size_bytes": len(raw)}, footer)
    first_row = 0
    for place, (rows, start, end) in enumerate(zip(*[iter(whole_numbers(groups))] * 3, strict=True)):
        if not rows:
            # As the plan does.
            continue
        header = {"op": "row_group", "row_group": place, "start": start, "first_row": first_row, "key": "it"}
        if rows:
            yield header, (footer, memoryview(raw)[start:end])
        first_row += rows


def _csv(child: Here, raw: bytes) -> Iterator[tuple[dict[str, Any], tuple[memoryview, ...]]]:
    header = {"op": "head", "key": "it", "content_type": None}
    _, (dialect,) = child.ask(header, raw[:MAX_HEADER_BYTES])
    whole = {"start": 0, "first": 1, "records": None, "last": True}
    yield {"op": "csv", "key": "it", **whole}, (dialect, memoryview(raw))


def agree(result: Result, expected: Any, *, output: str = "prediction", tolerance: float = 1e-6) -> None:
    """The platform's numbers are the library's, row by row; texts and classes to the letter."""
    assert result.refused is None, result.refused
    want = np.delete(np.asarray(expected), sorted(result.rejected), axis=0)
    have = result[output]
    if want.dtype.kind in "fiu" and have.dtype.kind in "fiu":
        np.testing.assert_allclose(have, want, rtol=tolerance, atol=tolerance * 1e-3)
    else:
        assert [str(each) for each in have] == [str(each) for each in want]


def _parquet(table: pa.Table, row_group_size: int) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=row_group_size)
    return sink.getvalue()
