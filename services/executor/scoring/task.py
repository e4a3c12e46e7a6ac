"""What a Spark task does: one split from the object store to the object store. Nothing of the data crosses the JVM."""

import time
import traceback
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
from pyspark import TaskContext

from schemas.signature import SignatureField
from services.executor.scoring.artifacts import ArtifactCache
from services.executor.scoring.assembly import accepted_rows, rejected_rows
from services.executor.scoring.child.conversion import Column
from services.executor.scoring.child.scoring import Plan
from services.executor.scoring.errors import ScoringError, unforeseen
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.layout import Layout
from services.executor.scoring.objects import DATASETS, MODELS, RESULTS, Bucket, parse_uri
from services.executor.scoring.progress import ProgressAddress, TaskProgress
from services.executor.scoring.reading import Fetcher
from services.executor.scoring.scorer import Scorer, ScorerTask
from services.executor.scoring.scorers import open_scorer
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.splits import Split
from services.executor.scoring.summary import PredictionSummary
from services.executor.scoring.writing import Part, PartWriter

MAX_ATTEMPTS = 4
_WARM = 2
_warm: OrderedDict[tuple[object, ...], Scorer] = OrderedDict()
"""Scorers of this Python worker. A worker does one task at a time, so no two executions ever share one at once."""


@dataclass(frozen=True)
class TaskSpec:
    """What is the same for all tasks of a job."""

    job: ScoringJob
    layout: Layout
    settings: ScoringSettings
    progress: ProgressAddress


@dataclass
class SplitResult:
    """What a task leaves behind. With `error` set nothing else counts."""

    split: int
    rows_in: int = 0
    rows_out: int = 0
    parts: list[Part] = field(default_factory=list[Part])
    rejected: list[Part] = field(default_factory=list[Part])
    schema: pa.Schema | None = None
    inspection: dict[str, Any] = field(default_factory=dict[str, Any])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    summary: PredictionSummary = field(default_factory=PredictionSummary)
    error: ScoringError | None = None


def score_split(spec: TaskSpec, split: Split) -> SplitResult:
    """Runs in a Spark Python worker. A failure that another try may cure is raised until Spark's tries are used up."""
    progress = TaskProgress(spec.progress, split.index)
    try:
        return _score(spec, split, progress)
    except ScoringError as error:
        failure = error
    except Exception as error:  # noqa: BLE001 - the last line of defence of a task: its driver wants words, not a trace
        traceback.print_exc()
        failure = unforeseen(error)
        failure.retryable = True
    context = TaskContext.get()
    if failure.retryable and context is not None and context.attemptNumber() < MAX_ATTEMPTS - 1:
        raise failure
    progress.report(0, error=failure.to_dict())
    return SplitResult(split.index, error=failure)


def _score(spec: TaskSpec, split: Split, progress: TaskProgress) -> SplitResult:
    began = time.perf_counter()
    scorer = _scorer(spec)
    loading = {"load_s": time.perf_counter() - began, "score_s": 0.0}
    result = SplitResult(split.index, inspection=scorer.inspection, seconds=loading)
    prefix = parse_uri(spec.job.output_prefix, bucket=RESULTS)
    results = Bucket(spec.settings.s3, RESULTS)
    parts = PartWriter(results, prefix, split.index, spec.settings.part_bytes)
    rejected = PartWriter(results, f"{prefix}rejected/", split.index, spec.settings.part_bytes)
    fetcher = Fetcher(Bucket(spec.settings.s3, DATASETS), spec.settings.csv_block_bytes)
    for loaded, scored in scorer.score(fetcher.chunks(split)):
        parts.write(accepted_rows(loaded, scored, spec.layout))
        if scored.rejections.num_rows or loaded.lines.numbers:
            rejected.write(rejected_rows(loaded, scored, spec.layout))
        result.summary.add(scored.predictions)
        result.rows_in += loaded.rows + len(loaded.lines.numbers)
        result.rows_out += scored.predictions.num_rows
        result.seconds["score_s"] += scored.seconds
        progress.report(result.rows_in)
    parts.close()
    rejected.close()
    result.parts, result.rejected, result.schema = parts.parts, rejected.parts, parts.schema
    result.seconds |= {"read_s": fetcher.seconds, "write_s": parts.seconds + rejected.seconds}
    progress.report(result.rows_in, done=True)
    return result


def _scorer(spec: TaskSpec) -> Scorer:
    """A warm one for the same bytes, signature and parameters, or a new one in the place of the least recently used."""
    job, settings = spec.job, spec.settings
    text = job.input.format == "csv"
    key = (
        job.model.sha256,
        job.model.format,
        job.model.entrypoint,
        job.model.signature,
        text,
        repr(job.effective_params),
    )
    if key not in _warm:
        while len(_warm) >= _WARM:
            _warm.popitem(last=False)[1].close()
        plan = Plan(_columns(job.model.signature.inputs), _columns(job.model.signature.outputs), text)
        cache = ArtifactCache(Bucket(settings.s3, MODELS), settings.cache_dir, settings.cache_bytes)
        _warm[key] = open_scorer(ScorerTask(job, plan, cache, settings.sandbox))
    _warm.move_to_end(key)
    return _warm[key]


def _columns(fields: tuple[SignatureField, ...]) -> tuple[Column, ...]:
    return tuple(Column(one.name, one.type, one.required) for one in fields)
