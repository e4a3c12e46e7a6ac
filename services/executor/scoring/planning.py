"""Turns a frozen job into splits and a layout, before any task runs: what can be refused early is refused here."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

import pyarrow as pa

from services.executor.scoring.csv_header import read_dialect
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.footers import read_footer
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.layout import Layout, make_layout
from services.executor.scoring.objects import Bucket
from services.executor.scoring.splits import Split, group_csv_objects, group_row_groups

_READERS = 16


@dataclass(frozen=True)
class JobPlan:
    """`rows_total` is None where only reading tells (CSV). Files without rows give no splits."""

    splits: tuple[Split, ...]
    layout: Layout
    rows_total: int | None


def make_plan(job: ScoringJob, datasets: Bucket, *, rows_per_split: int, cores: int) -> JobPlan:
    """Raises `ScoringError`: `input-…`, `column-conflict`, `store-unavailable`."""
    if not job.input.objects:
        raise ScoringError("input-empty", f"{job.input.uri} holds nothing to score")
    if job.input.format == "csv":
        return _plan_csv(job, datasets)
    return _plan_parquet(job, datasets, rows_per_split=rows_per_split, cores=cores)


def _plan_parquet(job: ScoringJob, datasets: Bucket, *, rows_per_split: int, cores: int) -> JobPlan:
    with ThreadPoolExecutor(_READERS) as pool:
        footers = list(pool.map(partial(read_footer, datasets), job.input.objects))
    groups = [group for footer in footers for group in footer.row_groups if group.rows]
    layout = make_layout(job, [(footer.source.key, footer.schema) for footer in footers])
    splits = group_row_groups(groups, rows_per_split=rows_per_split, cores=cores)
    return JobPlan(tuple(splits), layout, sum(group.rows for group in groups))


def _plan_csv(job: ScoringJob, datasets: Bucket) -> JobPlan:
    known = [field.name for field in job.model.signature.inputs] + list(job.keep or ())
    with ThreadPoolExecutor(_READERS) as pool:
        headers = list(pool.map(partial(read_dialect, datasets, known=known), job.input.objects))
    pieces = [header for header in headers if header.dialect.names]
    if not pieces:
        raise ScoringError("input-empty", f"{job.input.uri} has no rows")
    layout = make_layout(job, [(piece.source.key, _text_schema(piece.dialect.names)) for piece in pieces])
    return JobPlan(tuple(group_csv_objects(pieces)), layout, None)


def _text_schema(names: Sequence[str]) -> pa.Schema:
    return pa.schema([(name, pa.string()) for name in names])
