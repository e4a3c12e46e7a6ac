"""Counts the records of a range of a CSV object before it is scored."""

from chassis.sandbox.child.csv_ranges import ReadRange
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.objects import DATASETS, Bucket
from services.executor.scoring.ranges import Cut
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.task import through_losses
from services.executor.scoring.warm_sessions import warm_session


def count_cut(job: ScoringJob, settings: ScoringSettings, cut: Cut) -> ReadRange | None:
    """Runs in a Spark Python worker.

    Raises:
        ScoringError: `input-…`, `store-unavailable`, or what beginning the model's process raises.
    """
    session = warm_session(job, settings).session
    session.begin_job(job, lambda _: None)
    # The same child scores afterwards.
    session.mount()
    bucket = Bucket(settings.s3, DATASETS)
    return through_losses(lambda: session.count_range(bucket, cut), "the input's reader")
