"""A job from plan to manifest, on a started SparkContext."""

import contextlib
import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Final, TypeVar

from py4j.protocol import Py4JError
from pyspark import SparkContext

from chassis.crash_points import CrashPoint, crash_points
from services.executor.scoring.errors import ScoringCancelled, ScoringError, in_full, unforeseen
from services.executor.scoring.histograms import (
    COLUMNS,
    COUNTED_ROWS,
    VersionBins,
    merged,
    observations,
    version_bins,
)
from services.executor.scoring.job import InputObject, Progress, ScoringJob, ScoringOutcome
from services.executor.scoring.likely_ranges import in_whole_objects, is_assumed, is_proven, records_before
from services.executor.scoring.manifest import Columns, build_manifest, sha256
from services.executor.scoring.numbering import number_on, unnumbered, with_numbered
from services.executor.scoring.objects import RESULTS, Bucket, parse_uri
from services.executor.scoring.planning import JobPlan, in_ranges
from services.executor.scoring.progress import ProgressBoard
from services.executor.scoring.range_counting import count_cut
from services.executor.scoring.run_metrics import run_metrics
from services.executor.scoring.runlog import RunLog
from services.executor.scoring.sampling import SAMPLES_TRY, sample_bins
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.splits import Split
from services.executor.scoring.task import SplitResult, TaskSpec, or_refusal, plan_job, score_split
from services.executor.scoring.warm_sessions import warm_session

_T = TypeVar("_T")
_I = TypeVar("_I")
_BYTES_A_ROW: Final = 64
"""Of a CSV, whose rows nobody has counted yet; a guess, for nothing but the share that is looked at."""
_NAMED: Final = 50
"""Columns, in a line of the log."""
_NAMES: Final = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float",
    "double": "double",
    "string": "string",
    "binary": "binary",
    "datetime": "timestamp[ns]",
}
"""Arrow's names of the signature's types."""


class JobRun:
    """One attempt. `cancel` may be called from another thread.

    `here`: whether this process may hold sandboxes. Then it plans, and scores what is too small for Spark.
    """

    def __init__(
        self,
        context: SparkContext,
        settings: ScoringSettings,
        job: ScoringJob,
        on_progress: Callable[[Progress], None],
        *,
        here: bool,
    ) -> None:
        profile = settings.profile(job.resources)
        self._context, self._settings, self._job = context, settings.granting(profile), job
        self._cores = min(context.defaultParallelism, profile.cores)
        self._on_progress, self._here = on_progress, here
        self._results = Bucket(settings.s3, RESULTS)
        self._log = RunLog(self._results, job.output_prefix)
        self._logged: set[tuple[int, int, int]] = set()
        self._tag = f"scoring-{job.execution_id}-{job.attempt}"
        self._cancelled = False
        self._failure: ScoringError | None = None

    def execute(self) -> ScoringOutcome:
        """Raises `ScoringError`, with the log's address where there is one, or `ScoringCancelled`."""
        with self._log:
            try:
                return self._execute()
            except ScoringCancelled:
                self._log.end("cancelled")
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the log is to say it, and the driver to go on
                failure = _failure_of(error)
                said = {"code": failure.code, "message": failure.message, **failure.details}
                failure.log_uri = self._log.end("failed", **said)
                raise failure from error.__cause__ if failure is error else error

    def cancel(self) -> None:
        self._cancelled = True
        self._context.cancelJobsWithTag(self._tag)
        if self._here:
            warm_session(self._job, self._settings).session.stop()

    def _execute(self) -> ScoringOutcome:
        job, began = self._job, time.monotonic()
        self._log.add("started", execution_id=job.execution_id, attempt=job.attempt, model=job.model.id)
        plan = self._plan()
        planned_s = time.monotonic() - began
        if plan.left_out:
            self._log.add("columns_left_out", columns=plan.left_out[:_NAMED], reason="outputs have their names")
        plan, results = self._score_likely(plan) if is_assumed(plan) else self._score_certain(plan)
        rows_in = sum(result.rows_in for result in results)
        columns = _output_columns(job, plan, results)
        return self._finish(results, columns, rows_in, began, planned_s)

    def _plan(self) -> JobPlan:
        does = functools.partial(plan_job, self._job, self._settings)
        if self._here:
            self._check_cancelled()
            return does(self._cores)
        [plan] = self._on_workers(does, [self._cores])
        return plan

    def _score_likely(self, plan: JobPlan) -> tuple[JobPlan, list[SplitResult]]:
        """Ranges that what comes of them proves; else, or to name the row of a failure, counted before."""
        results = list[SplitResult]()
        try:
            results = self._score(plan)
            if is_proven(plan, {result.split: result.ends_with_a_record for result in results}):
                return plan, self._numbered(plan, results)
            why = "a record goes on behind its range"
        except ScoringError as error:
            if error.retryable:
                raise
            why, self._failure = error.code, None
        self._log.add("read_again", reason=why)
        self._logged.clear()
        self._results.discard([part.key for result in results for part in (*result.parts, *result.rejected)])
        return self._score_certain(in_whole_objects(plan))

    def _score_certain(self, plan: JobPlan) -> tuple[JobPlan, list[SplitResult]]:
        """In ranges that are looked through before, if there are cores enough for that to pay; else not in ranges."""
        cores = self._cores if self._context.defaultParallelism >= self._settings.csv_look_cores else 1
        look = functools.partial(self._on_workers, functools.partial(count_cut, self._job, self._settings))
        plan = in_ranges(plan, look, range_bytes=self._settings.csv_range_bytes, cores=cores)
        return plan, self._score(plan)

    def _numbered(self, plan: JobPlan, results: list[SplitResult]) -> list[SplitResult]:
        items = unnumbered(results, records_before(plan, {result.split: result.rows_in for result in results}))
        if not items:
            return results
        parts = self._on_workers(functools.partial(number_on, self._job, self._settings), items)
        self._results.discard([item.part.key for item in items])
        return with_numbered(results, items, parts)

    def _score(self, plan: JobPlan) -> list[SplitResult]:
        sizes = {"splits": len(plan.splits), "rows": plan.rows_total, "cores": self._cores}
        self._log.add("planned", **sizes)
        if not plan.splits:
            return []
        board = ProgressBoard(
            _host(self._context),
            splits=len(plan.splits),
            rows_total=plan.rows_total,
            on_progress=self._on_progress,
            on_error=self._fail_early,
            on_lines=self._take_lines,
        )
        with board:
            spec = self._with_bins(TaskSpec(self._job, plan.layout, self._settings, board.address), plan)
            does = functools.partial(score_split, spec)
            results = self._in_this_process(does, plan.splits)
            self._log.add("scored_without_spark" if results else "given_to_spark", splits=len(plan.splits))
            results = results or self._on_workers(does, plan.splits)
        if results and (found := results[0].inspection):
            self._log.add("model_loaded", **found)
        for result in results:
            self._take_lines({"split": result.split, "try": result.attempt, "lines": result.log})
        for result in results:
            if result.error:
                raise result.error
        return sorted(results, key=lambda result: result.split)

    def _with_bins(self, spec: TaskSpec, plan: JobPlan) -> TaskSpec:
        """With the bins that the version's first run fixed, which may be this one. Without: nothing is counted."""

        def sample() -> VersionBins | None:
            does = functools.partial(sample_bins, spec)
            [sampled] = self._in_this_process(does, plan.splits) or self._on_workers(does, plan.splits[:1])
            self._take_lines({"split": plan.splits[0].index, "try": SAMPLES_TRY, "lines": sampled.log})
            return sampled.bins

        bins, why = version_bins(self._results, self._job.model, sample)
        if bins is None:
            self._log.add("not_counted", reason=why)
            return spec
        left_out = max(0, len(self._job.model.signature.inputs) - COLUMNS)
        every = counted_every(plan.rows_total, self._job.input.objects)
        self._log.add("counting", bins_of=why, every=every, columns=len(bins.inputs), columns_left_out=left_out)
        return replace(spec, bins=bins, every=every)

    def _in_this_process(self, does: Callable[[Split], _T], some: Sequence[Split]) -> list[_T]:
        """A small input: Spark takes longer to hand it out than it takes. Empty where Spark has to do it."""
        small = self._job.input.size_bytes <= self._settings.small_bytes
        if not self._here or not small or len(some) > 1:
            return []
        self._check_cancelled()
        try:
            return [does(some[0])]
        except ScoringError as error:
            self._log.add("not_scored_without_spark", code=error.code, reason=error.message, **error.details)
            self._logged.clear()
            return []

    def _on_workers(self, does: Callable[[_I], _T], some: Sequence[_I]) -> list[_T]:
        """One task an item. Raises: ScoringError, as the first task did that no other try helps."""
        self._check_cancelled()
        self._context.addJobTag(self._tag)
        told = functools.partial(or_refusal, does)
        try:
            results = self._context.parallelize(some, self._tasks(len(some))).map(told).collect()
        except Exception as error:
            self._check_cancelled()
            if self._failure:
                raise self._failure from error
            text = f"Spark gave the job up ({type(error).__name__}): its words are in the execution's log"
            raise ScoringError("worker-lost", text, detail=in_full(error)) from error
        finally:
            with contextlib.suppress(Exception):
                self._context.removeJobTag(self._tag)
        if refusals := [each for each in results if isinstance(each, ScoringError)]:
            raise refusals[0]
        return [each for each in results if not isinstance(each, ScoringError)]

    def _tasks(self, splits: int) -> int:
        """A split is a task, which is tried again alone; but no more tasks than cores where the driver has more."""
        return splits if self._cores == self._context.defaultParallelism else min(splits, self._cores)

    def _take_lines(self, sent: dict[str, Any]) -> None:
        """Lines of a try of a split, each once: what was lost on the way comes with the split's result."""
        for number, line in sent["lines"]:
            key = (int(sent["split"]), int(sent["try"]), int(number))
            if key not in self._logged:
                self._logged.add(key)
                self._log.take(line)

    def _fail_early(self, raw: dict[str, Any]) -> None:
        if self._failure is None:
            self._failure = ScoringError.from_dict(raw)
            self._context.cancelJobsWithTag(self._tag)

    def _check_cancelled(self) -> None:
        if self._cancelled:
            raise ScoringCancelled

    def _finish(
        self, results: list[SplitResult], columns: Columns, rows_in: int, began: float, planned_s: float
    ) -> ScoringOutcome:
        self._check_cancelled()
        prefix = parse_uri(self._job.output_prefix, bucket=RESULTS)
        manifest = build_manifest(self._job, results, columns)
        manifest_uri = self._results.put(f"{prefix}manifest.json", manifest)
        crash_points.passing(CrashPoint.SCORED)
        rows_out = sum(result.rows_out for result in results)
        metrics = run_metrics(results, rows_in, time.monotonic() - began) | {"plan_s": planned_s}
        rows = {"rows_in": rows_in, "rows_out": rows_out, "rows_rejected": rows_in - rows_out}
        log_uri = self._log.end("finished", **rows, metrics=metrics)
        return ScoringOutcome(
            output_uri=self._job.output_prefix,
            manifest_uri=manifest_uri,
            manifest_sha256=sha256(manifest),
            log_uri=log_uri or "",
            **rows,
            metrics=metrics,
            observations=(
                *observations("input", merged([result.inputs for result in results])),
                *observations("prediction", merged([result.predictions for result in results])),
            ),
        )


def counted_every(rows: int | None, objects: Sequence[InputObject]) -> int:
    """One of so many rows is counted, so that a run's are about as many whatever its size."""
    known = sum(item.size_bytes for item in objects) // _BYTES_A_ROW if rows is None else rows
    return max(1, known // COUNTED_ROWS)


def _output_columns(job: ScoringJob, plan: JobPlan, results: list[SplitResult]) -> Columns:
    """Raises: ScoringError (`prediction-shape`)."""
    found = list(dict.fromkeys(result.columns for result in results if result.columns))
    if len(found) > 1:
        raise ScoringError("prediction-shape", _type_change(*found[:2]))
    if found:
        return found[0]
    outputs = [(each.name, _NAMES[each.type]) for each in job.model.signature.outputs] or [("prediction", "null")]
    return [*plan.kept, *outputs]


def _type_change(before: Columns, after: Columns) -> str:
    changed = next((name for name, kind in before if dict(after).get(name) != kind), before[-1][0])
    return (
        f"the model's output {changed} is of type {dict(before)[changed]} for some rows and"
        f" {dict(after).get(changed)} for others: declare its type in the signature's outputs"
    )


@functools.cache
def _host(context: SparkContext) -> str:
    """Once: the configuration is copied, entry by entry, from the JVM."""
    return str(context.getConf().get("spark.driver.host") or "127.0.0.1")


def _failure_of(error: Exception) -> ScoringError:
    match error:
        case ScoringError():
            return error
        case ConnectionError() | Py4JError():
            text = f"Spark's JVM does not answer ({type(error).__name__})"
            return ScoringError("worker-lost", text, detail=in_full(error))
        case _:
            return unforeseen(error)
