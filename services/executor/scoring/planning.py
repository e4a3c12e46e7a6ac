"""Turns a frozen job into splits and a layout, before anything is scored: what can be refused early is refused here.

Footers and header lines are parsed by the model's sandboxed child; here they are bytes.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final, Protocol

from chassis.sandbox.child.csv_bounds import MAX_HEADER_BYTES
from chassis.sandbox.child.packing import texts_of, whole_numbers
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject, ScoringJob
from services.executor.scoring.objects import Bucket
from services.executor.scoring.ranges import Look, cuts_of, settled
from services.executor.scoring.splits import (
    BYTES_PER_SPLIT,
    CsvObject,
    RowGroup,
    Split,
    group_csv_objects,
    group_row_groups,
)

_READERS: Final = 16
_TAIL_BYTES: Final = 64 * 1024
_MAGIC, _TRAILER_BYTES = b"PAR1", 8
_MAX_FOOTER_BYTES: Final = 256 << 20
_MOST_COLUMNS: Final = 20_000
_NAME_CHARACTERS: Final = 1_000


class Asked(Protocol):
    """Whoever looks at bytes."""

    def ask(self, header: dict[str, Any], *pieces: bytes | memoryview) -> tuple[dict[str, Any], list[memoryview]]:
        """One question and its answer. Raises: ScoringError, ChildLost."""
        ...


@dataclass(frozen=True)
class JobPlan:
    """`rows_total` is None where only reading tells (a CSV that isn't cut). Files without rows give no splits.

    `layout` is the child's word for another child; `kept` are names and types of the columns that pass through,
    `left_out` names of those that would, if no output had their names.
    """

    splits: tuple[Split, ...]
    layout: bytes
    kept: tuple[tuple[str, str], ...]
    rows_total: int | None
    left_out: tuple[str, ...] = ()


def make_plan(job: ScoringJob, datasets: Bucket, session: Asked, *, rows_per_split: int, cores: int) -> JobPlan:
    """Raises: ScoringError (`input-…`, `column-conflict`, `store-unavailable`), ChildLost."""
    if not job.input.objects:
        raise ScoringError("input-empty", f"{job.input.uri} holds nothing to score")
    session.ask({"op": "plan"}, _wanted(job))
    if job.input.format == "csv":
        splits, total = tuple(group_csv_objects(list(_csv_objects(job, datasets, session)))), None
    else:
        groups = [group for group in _row_groups(job, datasets, session) if group.rows]
        splits = tuple(group_row_groups(groups, rows_per_split=rows_per_split, cores=cores))
        total = sum(group.rows for group in groups)
    _, (layout, kept, left_out) = session.ask({"op": "layout"})
    names = texts_of(kept, at_most=2 * _MOST_COLUMNS)
    columns = tuple((name[:_NAME_CHARACTERS], kind) for name, kind in zip(*[iter(names)] * 2, strict=True))
    others = tuple(name[:_NAME_CHARACTERS] for name in texts_of(left_out, at_most=_MOST_COLUMNS))
    return JobPlan(splits, bytes(layout), columns, total, others)


def in_ranges(plan: JobPlan, look: Look, *, range_bytes: int, cores: int) -> JobPlan:
    """The same; tasks share large CSV objects, as `look` finds their records. Raises what that raises."""
    pieces = csv_pieces(plan)
    cuts = cuts_of(pieces, range_bytes=range_bytes, cores=cores)
    if not cuts:
        return plan
    ranges = {some[0].whole: found for some, found in zip(cuts, settled(cuts, look), strict=True)}
    parts = [part for piece in pieces for part in ranges.get(piece, [piece])]
    counted = [piece.part.records for piece in parts if piece.part and piece.part.records]
    total = sum(counted) if len(counted) == len(parts) else None
    splits = group_csv_objects(parts, bytes_per_split=min(BYTES_PER_SPLIT, range_bytes))
    return replace(plan, splits=tuple(splits), rows_total=total)


def csv_pieces(plan: JobPlan) -> list[CsvObject]:
    return [piece for split in plan.splits for piece in split.pieces if isinstance(piece, CsvObject)]


def _wanted(job: ScoringJob) -> bytes:
    signature = job.model.signature
    wanted = {
        "model": job.model.name,
        "uri": job.input.uri,
        "inputs": [each.model_dump() for each in signature.inputs],
        "outputs": [each.model_dump() for each in signature.outputs],
        "keep": job.keep,
    }
    return json.dumps(wanted).encode()


def _row_groups(job: ScoringJob, datasets: Bucket, session: Asked) -> Iterator[RowGroup]:
    with ThreadPoolExecutor(_READERS) as pool:
        for source, raw in zip(job.input.objects, pool.map(partial(_footer, datasets), job.input.objects), strict=True):
            _, (piece,) = session.ask({"op": "footer", "key": source.key, "size_bytes": source.size_bytes}, raw)
            yield from _placed(source, piece, source.size_bytes - raw.nbytes)


def _placed(source: InputObject, piece: memoryview, footer_start: int) -> Iterator[RowGroup]:
    """Whatever the child says, nothing outside of the object is fetched."""
    first_row, numbers = 0, whole_numbers(piece)
    for index, (rows, start, end) in enumerate(zip(*[iter(numbers)] * 3, strict=True)):
        if rows and not 0 <= start < end <= footer_start:
            raise ScoringError("input-corrupt", f"{source.key}: row group {index} lies outside of the file")
        yield RowGroup(
            source=source, footer_start=footer_start, index=index, start=start, end=end, rows=rows, first_row=first_row
        )
        first_row += rows


def _footer(bucket: Bucket, source: InputObject) -> memoryview:
    """The footer's bytes: one ranged read, or two."""
    enough = source.size_bytes >= len(_MAGIC) + _TRAILER_BYTES
    tail = bucket.get_range(source, max(0, source.size_bytes - _TAIL_BYTES), source.size_bytes) if enough else b""
    if bytes(tail[-4:]) != _MAGIC:
        raise ScoringError("input-corrupt", f"{source.key} is no readable parquet file: it doesn't end with PAR1")
    length = int.from_bytes(tail[-8:-4], "little") + _TRAILER_BYTES
    if length > min(source.size_bytes, _MAX_FOOTER_BYTES):
        raise ScoringError("input-corrupt", f"{source.key} is no readable parquet file: its footer is too long")
    if length <= len(tail):
        return memoryview(tail)[-length:]
    return bucket.get_range(source, source.size_bytes - length, source.size_bytes)


def _csv_objects(job: ScoringJob, datasets: Bucket, session: Asked) -> Iterator[CsvObject]:
    with ThreadPoolExecutor(_READERS) as pool:
        heads = pool.map(partial(_head, datasets), job.input.objects)
        for source, (raw, content_type) in zip(job.input.objects, heads, strict=True):
            header = {"op": "head", "key": source.key, "content_type": content_type}
            answer, (dialect,) = session.ask(header, raw)
            if answer.get("columns"):
                yield CsvObject(source, bytes(dialect), can_be_cut=answer.get("can_be_cut") is True)


def _head(bucket: Bucket, source: InputObject) -> tuple[memoryview, str | None]:
    if not source.size_bytes:
        return memoryview(b""), None
    return bucket.beginning(source, min(MAX_HEADER_BYTES, source.size_bytes))
