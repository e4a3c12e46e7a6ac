"""Where a model is scored: in the Spark worker if its format is data only, else in a sandboxed child."""

from chassis.sandbox.child import formats
from services.executor.scoring.child_scorer import ChildScorer
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.local_scorer import open_local
from services.executor.scoring.scorer import Scorer, ScorerTask


def open_scorer(task: ScorerTask) -> Scorer:
    """Raises `ScoringError` (`format-unsupported`, `signature-mismatch`, `artifact-…`, `sandbox-unavailable`)."""
    try:
        chosen = formats.find(task.job.model.format)
    except KeyError as error:
        raise ScoringError("format-unsupported", f"models of the format {error} can't be scored") from error
    return ChildScorer(task) if chosen.CARRIES_CODE else open_local(task, chosen)
