"""The bins of a version's first run: from the first rows of its input, and from what the model makes of them."""

from contextlib import suppress
from dataclasses import dataclass
from typing import Final

from services.executor.scoring.histograms import VersionBins
from services.executor.scoring.objects import DATASETS, Bucket
from services.executor.scoring.reading import Fetcher
from services.executor.scoring.splits import Split
from services.executor.scoring.task import TaskSpec
from services.executor.scoring.tasklog import Numbered, TaskLog
from services.executor.scoring.warm_sessions import warm_session

SAMPLES_TRY: Final = 0


@dataclass(frozen=True)
class Sample:
    """None for bins where the first rows can't be scored. The log is what the model printed while it was loaded."""

    bins: VersionBins | None
    log: list[Numbered]


def sample_bins(spec: TaskSpec, split: Split) -> Sample:
    """Runs where a task runs, as the split's try 0."""
    log, bins = TaskLog(spec.progress, split.index, SAMPLES_TRY), None
    warm = warm_session(spec.job, spec.settings)
    # Whatever it raises meets a task as well, which tells it with its place.
    with suppress(Exception):
        warm.session.begin_job(spec.job, log.hear)
        warm.session.load()
        # The tasks score these rows again: what the model prints meanwhile would be there twice.
        warm.session.begin_job(spec.job, lambda _: None)
        loaded = Fetcher(Bucket(spec.settings.s3, DATASETS), warm.memories).first(split)
        bins = warm.session.sample(loaded)
    log.flush()
    return Sample(bins, log.kept)
