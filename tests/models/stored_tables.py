"""What pandas reads from the very bytes that the platform scores: what a model is trained and called with directly."""

import io
import re
from dataclasses import dataclass

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chassis.sandbox.child.conversion import Column

KINDS = ("parquet", "csv")


@dataclass(frozen=True)
class Stored:
    """One table as an object of either kind. `frame`: as pandas reads it; `data`: as `harness.scored` takes it."""

    kind: str
    frame: pd.DataFrame
    data: pa.Table | bytes


def stored(table: pd.DataFrame | pa.Table, kind: str) -> Stored:
    """`table` as an object; pandas' own notes in a parquet file (nullable types, indexes) are left out."""
    arrow = table if isinstance(table, pa.Table) else pa.Table.from_pandas(table, preserve_index=False)
    arrow = arrow.replace_schema_metadata(None)
    if kind == "parquet":
        sink = io.BytesIO()
        pq.write_table(arrow, sink)
        return Stored(kind, pd.read_parquet(io.BytesIO(sink.getvalue())), arrow)
    raw = arrow.to_pandas(types_mapper=_nullable).to_csv(index=False).encode()
    return Stored(kind, pd.read_csv(io.BytesIO(raw), float_precision="round_trip"), raw)


def some_rows(**types):
    """A table with columns of these types (`?` behind a type is left out): for a model that is refused anyway."""
    arrow = {name: Column(name, kind.rstrip("?")).arrow_type for name, kind in types.items()}
    made = {pa.string(): ["a", "b"], pa.binary(): [b"a", b"b"], pa.bool_(): [True, False]}
    return pa.table({name: pa.array(made.get(kind, [1, 2]), kind) for name, kind in arrow.items()})


def sampled(cases, every, *, ids=None):
    """Parameters, of which all but each `every`-th are long."""
    named = ids or [str(case[0] if isinstance(case, tuple) else case) for case in cases]
    return [
        pytest.param(
            *(case if isinstance(case, tuple) else (case,)),
            id=name,
            marks=[] if at % every == 0 else [pytest.mark.long],
        )
        for at, (case, name) in enumerate(zip(cases, named, strict=True))
    ]


def refused(result, code, reason):
    """It says no, and what to change (`reason`, a pattern)."""
    assert result.refused is not None
    assert result.refused.code == code, result.refused
    assert re.search(reason, result.refused.message), result.refused.message


def _nullable(kind):
    """Whole numbers and booleans as they are written, with or without missing ones."""
    return {pa.int64(): pd.Int64Dtype(), pa.int32(): pd.Int32Dtype(), pa.bool_(): pd.BooleanDtype()}.get(kind)
