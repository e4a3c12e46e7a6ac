"""A job from plan to manifest, on a started SparkContext."""

import functools
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Final

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
from services.executor.scoring.job_tasks import JobTasks
from services.executor.scoring.likely_ranges import in_whole_objects, is_assumed, is_proven, records_before
from services.executor.scoring.manifest import Columns, build_manifest, sha256
from services.executor.scoring.numbering import number_on, unnumbered, with_numbered
from services.executor.scoring.objects import RESULTS, Bucket, parse_uri
from services.executor.scoring.output_columns import output_columns
from services.executor.scoring.planning import JobPlan, in_ranges
from services.executor.scoring.progress import ProgressBoard
from services.executor.scoring.range_counting import count_cut
from services.executor.scoring.run_metrics import run_metrics
from services.executor.scoring.runlog import RunLog
from services.executor.scoring.sampling import SAMPLES_TRY, sample_bins
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.task import SplitResult, TaskSpec, plan_job, score_split, stored_parts

_BYTES_A_ROW: Final = 64
"""Of a CSV, whose rows nobody has counted yet; a guess, for nothing but the share that is looked at."""
_NAMED: Final = 50
"""Columns, in a line of the log."""


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
        self._tasks = JobTasks(context, self._settings, job, self._log, here=here, cores=self._cores)

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
        self._tasks.stop()

    def _execute(self) -> ScoringOutcome:
        job, began = self._job, time.monotonic()
        self._log.add("started", execution_id=job.execution_id, attempt=job.attempt, model=job.model.id)
        plan = self._plan()
        planned_s = time.monotonic() - began
        if plan.left_out:
            self._log.add("columns_left_out", columns=plan.left_out[:_NAMED], reason="outputs have their names")
        plan, results = self._score_likely(plan) if is_assumed(plan) else self._score_certain(plan)
        rows_in = sum(result.rows_in for result in results)
        columns = output_columns(job, plan.kept, results)
        return self._finish(results, columns, rows_in, began, planned_s)

    def _plan(self) -> JobPlan:
        does = functools.partial(plan_job, self._job, self._settings)
        if self._here:
            self._tasks.ensure_wanted()
            return does(self._cores)
        [plan] = self._tasks.on_workers(does, [self._cores])
        return plan

    def _score_likely(self, plan: JobPlan) -> tuple[JobPlan, list[SplitResult]]:
        """Ranges that what comes of them proves; else, or to name the row of a failure, counted before."""
        try:
            results = self._score(plan)
            if is_proven(plan, {result.split: result.ends_with_a_record for result in results}):
                return plan, self._numbered(plan, results)
            why = "a record goes on behind its range"
        except ScoringError as error:
            if error.retryable:
                raise
            why = error.code
        self._log.add("read_again", reason=why)
        self._tasks.begin_again()
        self._results.discard(stored_parts(self._job, self._results))
        return self._score_certain(in_whole_objects(plan))

    def _score_certain(self, plan: JobPlan) -> tuple[JobPlan, list[SplitResult]]:
        """In ranges that are looked through before, if there are cores enough for that to pay; else not in ranges."""
        cores = self._cores if self._context.defaultParallelism >= self._settings.csv_look_cores else 1
        look = functools.partial(self._tasks.on_workers, functools.partial(count_cut, self._job, self._settings))
        plan = in_ranges(plan, look, range_bytes=self._settings.csv_range_bytes, cores=cores)
        return plan, self._score(plan)

    def _numbered(self, plan: JobPlan, results: list[SplitResult]) -> list[SplitResult]:
        items = unnumbered(results, records_before(plan, {result.split: result.rows_in for result in results}))
        if not items:
            return results
        parts = self._tasks.on_workers(functools.partial(number_on, self._job, self._settings), items)
        self._results.discard(item.part.key for item in items)
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
            on_error=self._tasks.fail,
            on_lines=self._log.take_sent,
        )
        with board:
            spec = self._with_bins(TaskSpec(self._job, plan.layout, self._settings, board.address), plan)
            does = functools.partial(score_split, spec)
            results = self._tasks.in_this_process(does, plan.splits)
            self._log.add("scored_without_spark" if results else "given_to_spark", splits=len(plan.splits))
            results = results or self._tasks.on_workers(does, plan.splits)
        if results and (found := results[0].inspection):
            self._log.add("model_loaded", **found)
        for result in results:
            self._log.take_sent({"split": result.split, "try": result.attempt, "lines": result.log})
        for result in results:
            if result.error:
                raise result.error
        return sorted(results, key=lambda result: result.split)

    def _with_bins(self, spec: TaskSpec, plan: JobPlan) -> TaskSpec:
        """With the bins that the version's first run fixed, which may be this one. Without: nothing is counted."""

        def sample() -> VersionBins | None:
            does = functools.partial(sample_bins, spec)
            [sampled] = self._tasks.in_this_process(does, plan.splits) or self._tasks.on_workers(does, plan.splits[:1])
            self._log.take_sent({"split": plan.splits[0].index, "try": SAMPLES_TRY, "lines": sampled.log})
            return sampled.bins

        bins, why = version_bins(self._results, self._job.model, sample)
        if bins is None:
            self._log.add("not_counted", reason=why)
            return spec
        left_out = max(0, len(self._job.model.signature.inputs) - COLUMNS)
        every = counted_every(plan.rows_total, self._job.input.objects)
        self._log.add("counting", bins_of=why, every=every, columns=len(bins.inputs), columns_left_out=left_out)
        return replace(spec, bins=bins, every=every)

    def _finish(
        self, results: list[SplitResult], columns: Columns, rows_in: int, began: float, planned_s: float
    ) -> ScoringOutcome:
        self._tasks.ensure_wanted()
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
