"""For the measurement alone: the executor's engine with the sandboxed child left out.

The child's own model is scored in the Spark worker, where the platform scores no format that carries code. Everything
else is the executor's.
"""

import time
from collections.abc import Callable
from typing import Any

from pyspark import SparkContext

from benchmarks.scoring.warmth import kept_warm
from chassis.sandbox.child import formats
from services.executor.scoring import run, task
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.local_scorer import open_local
from services.executor.scoring.run import JobRun
from services.executor.scoring.scorer import Scorer, ScorerTask
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.spark import prepare_environment, run_little, start_context, warm_up
from services.executor.scoring.splits import Split
from services.executor.scoring.task import SplitResult, TaskSpec, score_split


def open_handler() -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Answers `{job}` with the seconds that it took and the manifest's address."""
    settings = ScoringSettings()
    settings.work_dir.mkdir(parents=True, exist_ok=True)
    prepare_environment(settings.spark, settings.work_dir)
    context = start_context(settings.spark, settings.work_dir)
    warm_up(context)
    run.score_split = score_split_here
    return kept_warm(
        lambda wanted: _handle(context, settings, ScoringJob.model_validate(wanted["job"])),
        lambda: run_little(context),
    )


def _handle(context: SparkContext, settings: ScoringSettings, job: ScoringJob) -> dict[str, Any]:
    began = time.perf_counter()
    outcome = JobRun(context, settings, job, lambda _: None).execute()
    return {"seconds": time.perf_counter() - began, "manifest_uri": outcome.manifest_uri}


def score_split_here(spec: TaskSpec, split: Split) -> SplitResult:
    """Runs in a Spark worker."""
    task.open_scorer = _open
    return score_split(spec, split)


def _open(wanted: ScorerTask) -> Scorer:
    return open_local(wanted, formats.find("sklearn"))
