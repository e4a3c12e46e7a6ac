"""The bins of a version's first run: from the first rows of its input, and from what the model makes of them."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

import pyarrow as pa

from chassis.sandbox.child.chunk import ArrowChunk
from chassis.sandbox.child.conversion import Rejections, convert_rows
from services.executor.scoring.histograms import VersionBins, sampled_bins
from services.executor.scoring.objects import DATASETS, Bucket
from services.executor.scoring.reading import Fetcher, LoadedChunk
from services.executor.scoring.scorer import Watching
from services.executor.scoring.splits import Split
from services.executor.scoring.task import TaskSpec, plan_of, scorer_of
from services.executor.scoring.tasklog import Numbered, TaskLog

SAMPLED_ROWS = 10_000
SAMPLES_TRY = 0


@dataclass(frozen=True)
class Sample:
    """None for bins where the first rows can't be scored. The log is what the model printed while it was loaded."""

    bins: VersionBins | None
    log: list[Numbered]


def sample_bins(spec: TaskSpec, split: Split) -> Sample:
    """Runs in a Spark Python worker, like a task, as the split's try 0."""
    log, bins = TaskLog(spec.progress, split.index, SAMPLES_TRY), None
    # Whatever it raises meets a task as well, which tells it with its place.
    with suppress(Exception):
        bins = _sampled(spec, split, log.hear)
    log.flush()
    return Sample(bins, log.kept)


def _sampled(spec: TaskSpec, split: Split, hear: Callable[[str], None]) -> VersionBins | None:
    plan, (scorer, _) = plan_of(spec.job), scorer_of(spec, hear)
    fetcher = Fetcher(Bucket(spec.settings.s3, DATASETS), spec.settings.csv_block_bytes)
    first = next(fetcher.chunks(replace(split, pieces=split.pieces[:1])))
    batch = next(first.chunk.batches(plan.input_names)).slice(0, SAMPLED_ROWS)
    columns, _ = convert_rows(batch, plan.inputs, text=plan.text, first_row=0, rejections=Rejections())
    rows = LoadedChunk(ArrowChunk(_stream(batch)), first.source, batch.num_rows, first.row_number)
    # The tasks score these rows again: what the model prints meanwhile would be there twice.
    [(_, scored)] = scorer.score([rows], Watching(lambda _: None))
    predicted = scored.predictions.combine_chunks()
    if not scored.predictions.num_rows:
        return None
    return VersionBins(
        sampled_bins(list(zip(plan.input_names, columns, strict=True))),
        sampled_bins([(name, _whole(predicted.column(name))) for name in predicted.schema.names]),
    )


def _whole(column: pa.ChunkedArray) -> pa.Array:
    return pa.concat_arrays(column.chunks)


def _stream(batch: pa.RecordBatch) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    return memoryview(sink.getvalue())
