"""What a Spark task does: one split from the object store to the object store. Nothing of the data crosses the JVM."""

import os
import time
import traceback
from collections import Counter, OrderedDict
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyspark import TaskContext

from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.counting import Counting, Counts
from chassis.sandbox.child.scoring import Plan, Scored
from chassis.sandbox.process import Hear
from chassis.sandbox.shared_memory import Memories
from schemas.signature import SignatureField
from services.executor.scoring.artifacts import ArtifactCache
from services.executor.scoring.assembly import Reason, accepted_rows, count_reasons, rejected_rows
from services.executor.scoring.errors import ScoringError, unforeseen
from services.executor.scoring.histograms import VersionBins, counting_of, inputs_schema
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.layout import Layout
from services.executor.scoring.objects import DATASETS, MODELS, RESULTS, Bucket, parse_uri
from services.executor.scoring.peaks import begin_measuring, own_peak_bytes
from services.executor.scoring.progress import ProgressAddress, TaskProgress
from services.executor.scoring.reading import Fetcher, LoadedChunk
from services.executor.scoring.scorer import Scorer, ScorerTask, Watching
from services.executor.scoring.scorers import open_scorer
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.splits import Split
from services.executor.scoring.summary import PredictionSummary
from services.executor.scoring.tasklog import Numbered, TaskLog
from services.executor.scoring.writing import Part, PartWriter

MAX_ATTEMPTS = 4
_REASONS = 20
_WARM = 2
_warm: OrderedDict[tuple[object, ...], tuple[Scorer, Memories]] = OrderedDict()
"""Scorers of this Python worker. A worker does one task at a time, so no two executions ever share one at once.

Each has memories of its own: a model's process goes on seeing those that it was shown, so no other's rows lie there.
"""


@dataclass(frozen=True)
class TaskSpec:
    """What is the same for all tasks of a job."""

    job: ScoringJob
    layout: Layout
    settings: ScoringSettings
    progress: ProgressAddress
    bins: VersionBins | None = None
    """None: nothing is counted."""
    every: int = 1


@dataclass
class SplitResult:
    """What a task leaves behind. With `error` set nothing else counts but its log. `attempt`: which try, from 1."""

    split: int
    attempt: int = 1
    rows_in: int = 0
    rows_out: int = 0
    parts: list[Part] = field(default_factory=list[Part])
    rejected: list[Part] = field(default_factory=list[Part])
    schema: pa.Schema | None = None
    inspection: dict[str, Any] = field(default_factory=dict[str, Any])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    summary: PredictionSummary = field(default_factory=PredictionSummary)
    inputs: Counts | None = None
    predictions: Counts | None = None
    bytes_read: int = 0
    peak_memory_bytes: int = 0
    log: list[Numbered] = field(default_factory=list[Numbered])
    error: ScoringError | None = None


def score_split(spec: TaskSpec, split: Split) -> SplitResult:
    """Runs in a Spark Python worker, or in the driver's own.

    A failure that another try may cure is raised until Spark's tries are used up.
    """
    progress = TaskProgress(spec.progress, split.index)
    context = TaskContext.get()
    attempt = context.attemptNumber() + 1 if context else 1
    log = TaskLog(spec.progress, split.index, attempt)
    try:
        return _score(spec, split, progress, log)
    except ScoringError as error:
        failure = error
    except Exception as error:  # noqa: BLE001 - the last line of defence of a task: its driver wants words, not a trace
        traceback.print_exc()
        failure = unforeseen(error)
        failure.retryable = True
    again = failure.retryable and attempt < MAX_ATTEMPTS
    log.add("split_failed", code=failure.code, tried_again=again)
    if again:
        raise failure
    progress.report(0, error=failure.to_dict())
    return SplitResult(split.index, attempt, log=log.kept, error=failure)


def _score(spec: TaskSpec, split: Split, progress: TaskProgress, log: TaskLog) -> SplitResult:
    begin_measuring(os.getpid())
    log.add("split_began", pieces=len(split.pieces))
    result = SplitResult(split.index, log.attempt, log=log.kept)
    began = time.perf_counter()
    scorer, memories = scorer_of(spec, log.hear)
    result.seconds |= {"load_s": time.perf_counter() - began, "score_s": 0.0, "count_s": 0.0}
    result.inspection, loaded_s = scorer.inspection, scorer.load_s
    work = _Work(spec, split, memories)
    for loaded, scored in scorer.score(work.fetcher.chunks(split), Watching(log.hear, _counting(spec))):
        work.write(loaded, scored)
        _count(spec, result, scored)
        result.summary.add(scored.predictions)
        result.rows_in += loaded.rows + len(loaded.lines.numbers)
        result.rows_out += scored.predictions.num_rows
        result.seconds["score_s"] += scored.seconds
        work.fetcher.done_with(loaded)
        progress.report(result.rows_in)
    work.finish(result)
    # A warm model's process may have ended since it was last asked.
    result.seconds["load_s"] += scorer.load_s - loaded_s
    result.peak_memory_bytes = max(own_peak_bytes(), scorer.peak_bytes())
    _tell(log, result, work.reasons)
    progress.report(result.rows_in, done=True)
    return result


def _counting(spec: TaskSpec) -> Counting | None:
    """Of the inputs."""
    return counting_of(spec.bins.inputs, inputs_schema(spec.job.model), every=spec.every) if spec.bins else None


def _count(spec: TaskSpec, result: SplitResult, scored: Scored) -> None:
    """Inputs are counted where they are decoded, predictions here: a model's own process has no say in them."""
    began, rows = time.perf_counter(), scored.predictions.num_rows
    if result.inputs and scored.counts:
        result.inputs.merge(scored.counts)
    else:
        result.inputs = scored.counts
    if spec.bins and rows:
        predictions = scored.predictions.combine_chunks()
        if result.predictions is None:
            counting = counting_of(spec.bins.predictions, predictions.schema, every=spec.every)
            result.predictions = Counts(counting) if counting else None
        if result.predictions:
            names = predictions.schema.names
            result.predictions.add({name: pa.concat_arrays(predictions.column(name).chunks) for name in names}, rows)
    result.seconds["count_s"] += time.perf_counter() - began + scored.counting_s


def _tell(log: TaskLog, result: SplitResult, reasons: Counter[Reason]) -> None:
    for (column, reason), rows in reasons.most_common(_REASONS):
        log.add("rows_rejected", rows=rows, reason=reason, **({"column": column} if column else {}))
    if len(reasons) > _REASONS:
        log.add("rows_rejected", rows=sum(reasons.values()), reason=f"in all, for {len(reasons)} reasons")
    seconds = {name: round(value, 4) for name, value in result.seconds.items()}
    log.add("split_ended", rows_in=result.rows_in, rows_out=result.rows_out, seconds=seconds)


class _Work:
    """A split's way from the store and back to it."""

    def __init__(self, spec: TaskSpec, split: Split, memories: Memories) -> None:
        prefix = parse_uri(spec.job.output_prefix, bucket=RESULTS)
        results, size = Bucket(spec.settings.s3, RESULTS), spec.settings.part_bytes
        self._layout = spec.layout
        self._datasets = Bucket(spec.settings.s3, DATASETS)
        self._parts = PartWriter(results, prefix, split.index, size)
        self._rejected = PartWriter(results, f"{prefix}rejected/", split.index, size)
        self.fetcher = Fetcher(self._datasets, spec.settings.csv_block_bytes, memories)
        self.reasons = Counter[Reason]()

    def write(self, loaded: LoadedChunk, scored: Scored) -> None:
        try:
            self._parts.write(accepted_rows(loaded, scored, self._layout))
        except ScoringError as error:
            raise error.reworded(loaded.place(error.message, None)) from error
        if scored.rejections.num_rows or loaded.lines.numbers:
            self._rejected.write(rejected_rows(loaded, scored, self._layout))
            self.reasons += count_reasons(scored.rejections, loaded.lines.reasons)

    def finish(self, result: SplitResult) -> None:
        self._parts.close()
        self._rejected.close()
        result.parts, result.rejected, result.schema = self._parts.parts, self._rejected.parts, self._parts.schema
        result.seconds |= {"read_s": self.fetcher.seconds, "write_s": self._parts.seconds + self._rejected.seconds}
        result.bytes_read = self._datasets.bytes_read


def plan_of(job: ScoringJob) -> Plan:
    signature = job.model.signature
    return Plan(_columns(signature.inputs), _columns(signature.outputs), job.input.format == "csv")


def scorer_of(spec: TaskSpec, hear: Hear) -> tuple[Scorer, Memories]:
    """A warm one for the same bytes, signature and parameters, or a new one in the place of the least recently used.

    With the memories that its rows may be read into.
    """
    job, settings = spec.job, spec.settings
    plan = plan_of(job)
    key = (
        job.model.sha256,
        job.model.format,
        job.model.entrypoint,
        job.model.signature,
        plan.text,
        repr(job.effective_params),
        settings.sandbox.memory_bytes,
    )
    if key not in _warm:
        while len(_warm) >= _WARM:
            _warm.popitem(last=False)[1][0].close()
        cache = ArtifactCache(Bucket(settings.s3, MODELS), settings.cache_dir, settings.cache_bytes)
        _warm[key] = open_scorer(ScorerTask(job, plan, cache, settings.sandbox, hear)), Memories()
    _warm.move_to_end(key)
    return _warm[key]


def _columns(fields: tuple[SignatureField, ...]) -> tuple[Column, ...]:
    return tuple(Column(one.name, one.type, one.required) for one in fields)
