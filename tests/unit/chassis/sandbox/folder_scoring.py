"""Objects in folders, planned and scored by what runs in the child, with a model that gives its inputs back."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from chassis.sandbox.child.chunk import ParquetChunk
from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.csv_records import CsvReader
from chassis.sandbox.child.layout import Layout, Wanted
from chassis.sandbox.child.planning import Planning
from chassis.sandbox.child.scoring import Plan
from chassis.sandbox.child.split import Counted, SplitScoring


class Echo:
    """Gives its inputs back: what it was given stands in the output, as `seen_…`."""

    def predict(self, columns: Sequence[pa.Array], rows: int) -> dict[str, pa.Array]:
        assert all(len(column) == rows for column in columns)
        return {f"seen_{place}": column for place, column in enumerate(columns)}


@dataclass(frozen=True)
class Scored:
    """Rows with `seen_<place>` of each input, and those that were rejected; None where there are none."""

    accepted: pa.Table | None
    rejected: pa.Table | None
    layout: Layout

    def __getitem__(self, name: str) -> list[Any]:
        assert self.accepted is not None
        return self.accepted[name].to_pylist()


def parquet(table: pa.Table, row_group_size: int = 1000) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, row_group_size=row_group_size)
    return sink.getvalue()


def planned(objects: Mapping[str, bytes], inputs: Sequence[Column], keep: Sequence[str] | None = None) -> Layout:
    """Objects by their keys; one that ends with `.csv` is that. Raises: InputUnfit, FoldersUnfit, FoldersDiffer."""
    return _planned(objects, inputs, keep)[0]


def scored(objects: Mapping[str, bytes], inputs: Sequence[Column], keep: Sequence[str] | None = None) -> Scored:
    layout, looks = _planned(objects, inputs, keep)
    text = any(key.endswith(".csv") for key in objects)
    plan = Plan(inputs=tuple(inputs), outputs=_outputs(inputs), text=text)
    split = SplitScoring(Echo(), plan, layout, Counted((), (), 1), 1 << 26)
    for key, raw in objects.items():
        if text:
            for block in CsvReader(looks[key], iter([memoryview(raw)])).blocks():
                split.add_csv(block, key)
            continue
        for group, (rows, start, end) in enumerate(looks[key]):
            if rows:
                chunk = ParquetChunk(footer_of(raw), group, start, memoryview(raw)[start:end])
                split.add_parquet(chunk, key, lambda row: row + 1)
    split.close()
    parts = [(part.rejected, pq.read_table(io.BytesIO(part.data))) for part in split.take_parts()]
    accepted, rejected = ([table for bad, table in parts if bad is which] for which in (False, True))
    tables = (pa.concat_tables(some) if some else None for some in (accepted, rejected))
    return Scored(*tables, layout)


def _planned(
    objects: Mapping[str, bytes], inputs: Sequence[Column], keep: Sequence[str] | None
) -> tuple[Layout, dict[str, Any]]:
    wanted = Wanted("the model", "it", tuple(inputs), _outputs(inputs), None if keep is None else tuple(keep))
    planning, looks = Planning(wanted), dict[str, Any]()
    for key, raw in objects.items():
        if key.endswith(".csv"):
            looks[key] = planning.head(key, raw, None)
        else:
            looks[key] = planning.footer(key, bytes(footer_of(raw)), len(raw))
    return planning.layout(), looks


def _outputs(inputs: Sequence[Column]) -> tuple[Column, ...]:
    return tuple(Column(f"seen_{place}", each.type, required=False) for place, each in enumerate(inputs))


def footer_of(raw: bytes) -> memoryview:
    return memoryview(raw)[-int.from_bytes(raw[-8:-4], "little") - 8 :]
