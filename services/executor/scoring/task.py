"""What a Spark task does: one split from the object store to the object store. Nothing of the data crosses the JVM.

Nor is anything of it parsed here: what is fetched goes to the model's sandboxed child, and finished files come back.
"""

import functools
import hashlib
import os
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from typing import Any, Final, TypeVar

from pyspark import TaskContext

from chassis.sandbox.child.bins import Counts
from chassis.sandbox.child.moments import Moments
from services.executor.scoring.child_answers import ChunkAnswer, FinishedPart, SplitAnswer
from services.executor.scoring.errors import ScoringCancelled, ScoringError, unforeseen
from services.executor.scoring.histograms import VersionBins
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.likely_ranges import in_likely_ranges
from services.executor.scoring.model_session import ChildLost, ModelSession, SplitTask
from services.executor.scoring.objects import DATASETS, RESULTS, Bucket, parse_uri
from services.executor.scoring.peaks import begin_measuring, own_peak_bytes
from services.executor.scoring.planning import JobPlan, make_plan
from services.executor.scoring.progress import ProgressAddress, TaskProgress
from services.executor.scoring.reading import Fetcher
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.splits import Split
from services.executor.scoring.tasklog import Numbered, TaskLog
from services.executor.scoring.warm_sessions import warm_session

MAX_ATTEMPTS: Final = 4
_PART: Final = "part-"
_LOSSES: Final = 2
"""A child that was killed by a stranger is replaced once; the second time the model is to blame, or its memory."""
_T = TypeVar("_T")
_I = TypeVar("_I")


@dataclass(frozen=True)
class TaskSpec:
    """What is the same for all tasks of a job."""

    job: ScoringJob
    layout: bytes
    settings: ScoringSettings
    progress: ProgressAddress
    bins: VersionBins | None = None
    """None: nothing is counted."""
    every: int = 1

    @property
    def split_task(self) -> SplitTask:
        return SplitTask(self.layout, self.settings.part_bytes, self.bins, self.every)


@dataclass(frozen=True)
class Part:
    """A stored part, as the manifest lists it."""

    key: str
    rows: int
    size_bytes: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass
class SplitResult:
    """What a task leaves behind. With `error` set nothing else counts but its log. `attempt`: which try, from 1."""

    split: int
    attempt: int = 1
    rows_in: int = 0
    rows_out: int = 0
    parts: list[Part] = field(default_factory=list[Part])
    rejected: list[Part] = field(default_factory=list[Part])
    columns: tuple[tuple[str, str], ...] = ()
    ends_with_a_record: bool = False
    inspection: dict[str, Any] = field(default_factory=dict[str, Any])
    seconds: dict[str, float] = field(default_factory=dict[str, float])
    moments: dict[str, Moments] = field(default_factory=dict[str, Moments])
    inputs: Counts | None = None
    predictions: Counts | None = None
    bytes_read: int = 0
    peak_memory_bytes: int = 0
    log: list[Numbered] = field(default_factory=list[Numbered])
    error: ScoringError | None = None


def plan_job(job: ScoringJob, settings: ScoringSettings, cores: int) -> JobPlan:
    """Runs in the driver, or in a Spark Python worker where the driver's machine can't hold sandboxes.

    Raises:
        ScoringError: `input-…`, `column-conflict`, `store-unavailable`.
    """
    session = warm_session(job, settings).session
    session.begin_job(job, lambda _: None)
    if job.input.size_bytes <= settings.small_bytes:
        session.mount()
    datasets = Bucket(settings.s3, DATASETS)

    def planned() -> JobPlan:
        plan = make_plan(job, datasets, session, rows_per_split=settings.rows_per_split, cores=cores)
        begin = functools.partial(session.begin_range, datasets)
        return in_likely_ranges(plan, begin, range_bytes=settings.csv_range_bytes, cores=cores)

    return through_losses(planned, "the input's reader")


def score_split(spec: TaskSpec, split: Split) -> SplitResult:
    """Runs in a Spark Python worker, or in the driver.

    A failure that another try may cure is raised until Spark's tries are used up.
    """
    progress = TaskProgress(spec.progress, split.index)
    context = TaskContext.get()
    attempt = context.attemptNumber() + 1 if context else 1
    log = TaskLog(spec.progress, split.index, attempt)
    try:
        return _score(spec, split, progress, log)
    except ScoringCancelled:
        raise
    except ScoringError as error:
        failure = error
    except Exception as error:  # noqa: BLE001 - the last line of defence of a task: its driver wants words, not a trace
        failure = unforeseen(error)
        failure.retryable = True
    again = failure.retryable and attempt < MAX_ATTEMPTS
    log.add("split_failed", code=failure.code, tried_again=again, **failure.details)
    if again:
        raise failure
    progress.report(0, error={**failure.to_dict(), "detail": ""})  # Of a datagram, it would take all the room.
    return SplitResult(split.index, attempt, log=log.kept, error=failure)


def _score(spec: TaskSpec, split: Split, progress: TaskProgress, log: TaskLog) -> SplitResult:
    begin_measuring(os.getpid())
    log.add("split_began", pieces=len(split.pieces))
    began = time.perf_counter()
    warm = warm_session(spec.job, spec.settings)
    warm.session.begin_job(spec.job, log.hear)
    result, loaded_s = SplitResult(split.index, log.attempt, log=log.kept), warm.session.load_s
    work = through_losses(
        lambda: _Work(spec, split, Fetcher(Bucket(spec.settings.s3, DATASETS), warm.memories)).done(
            warm.session, progress
        ),
        spec.job.model.name,
    )
    result.rows_in, result.rows_out, result.parts, result.rejected = work.rows, work.accepted, work.parts, work.rejected
    result.columns, result.moments = work.end.columns, work.end.moments
    result.ends_with_a_record = work.end.ends_with_a_record
    result.inputs, result.predictions = work.end.inputs, work.end.predictions
    result.inspection, result.bytes_read = warm.session.inspection, work.fetcher.bucket.bytes_read
    seconds = {**work.seconds, "read_s": work.fetcher.seconds, "load_s": warm.session.load_s - loaded_s}
    result.seconds = {"score_s": 0.0, "count_s": 0.0, "write_s": 0.0, **seconds}
    result.peak_memory_bytes = max(own_peak_bytes(), warm.session.peak_bytes())
    _tell(log, result, work.end, time.perf_counter() - began)
    progress.report(result.rows_in, done=True)
    return result


def through_losses(work: Callable[[], _T], model: str) -> _T:
    """Do `work` again, once, whose child a stranger killed.

    Raises:
        ScoringError: as `work` raised it; `model-crashed` when that happened twice.
    """
    for loss in range(1, _LOSSES + 1):
        try:
            return work()
        except ChildLost as lost:
            if loss == _LOSSES:
                text = f"{model}: its process was killed twice ({lost}): it may need more memory than there is"
                raise ScoringError("model-crashed", text) from lost
    raise AssertionError  # the loop returns or raises


def or_refusal(does: Callable[[_I], _T], item: _I) -> _T | ScoringError:
    """What comes of the item, or why nothing can: what is raised Spark tries again, and its words are lost."""
    try:
        return does(item)
    except ScoringError as error:
        if error.retryable:
            raise
        return error


def stored_parts(job: ScoringJob, results: Bucket) -> Iterator[str]:
    """Keys of all that this attempt's tasks have stored so far. Raises: ScoringError."""
    prefix = parse_uri(job.output_prefix, bucket=RESULTS)
    return (each.key for each in results.list(prefix) if each.key.rpartition("/")[2].startswith(_PART))


def store_part(job: ScoringJob, results: Bucket, split: int, part: FinishedPart) -> Part:
    """One put, under a name that no other attempt of its task can have."""
    prefix = parse_uri(job.output_prefix, bucket=RESULTS)
    folder = f"{prefix}rejected/" if part.rejected else prefix
    key = f"{folder}{_PART}{split:05d}-{uuid.uuid4().hex}.parquet"
    results.put(key, part.data)
    return Part(key, part.rows, part.data.nbytes, hashlib.sha256(part.data).hexdigest())


class _Work:
    """A split's way from the store and back to it."""

    def __init__(self, spec: TaskSpec, split: Split, fetcher: Fetcher) -> None:
        self._spec, self._split, self.fetcher = spec, split, fetcher
        self._results = Bucket(spec.settings.s3, RESULTS)
        self.rows = self.accepted = 0
        self.parts, self.rejected = list[Part](), list[Part]()
        self.seconds: dict[str, float] = {"score_s": 0.0, "count_s": 0.0, "write_s": 0.0}
        self.end = SplitAnswer(ChunkAnswer())

    def done(self, session: ModelSession, progress: TaskProgress) -> "_Work":
        """Raises: ScoringError, ChildLost."""
        began, task = time.monotonic(), self._spec.split_task
        for loaded, answer in session.score(task, self.fetcher.chunks(self._split)):
            self._take(answer)
            self.fetcher.done_with(loaded)
            progress.report(self.rows)
        self.end = session.end(task, accepted=self.accepted, within_s=time.monotonic() - began)
        self._take(self.end.chunk)
        return self

    def _take(self, answer: ChunkAnswer) -> None:
        self.rows += answer.rows
        self.accepted += answer.accepted
        began = time.perf_counter()
        for part in answer.parts:
            (self.rejected if part.rejected else self.parts).append(
                store_part(self._spec.job, self._results, self._split.index, part)
            )
        stored_s = time.perf_counter() - began
        for name, more in (("score_s", answer.score_s), ("count_s", answer.count_s)):
            self.seconds[name] += more
        self.seconds["write_s"] += answer.write_s + stored_s


def _tell(log: TaskLog, result: SplitResult, end: SplitAnswer, elapsed_s: float) -> None:
    for (column, reason), rows in end.reasons:
        log.add("rows_rejected", rows=rows, reason=reason, **({"column": column} if column else {}))
    if end.more_reasons:
        rows = result.rows_in - result.rows_out
        log.add("rows_rejected", rows=rows, reason=f"in all, for {end.more_reasons} more reasons")
    seconds = {name: round(value, 4) for name, value in {**result.seconds, "elapsed_s": elapsed_s}.items()}
    log.add("split_ended", rows_in=result.rows_in, rows_out=result.rows_out, seconds=seconds)
