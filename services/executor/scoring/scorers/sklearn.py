"""scikit-learn (joblib, pickle): carries code, so it is loaded and scored in the sandboxed child."""

from services.executor.scoring.child_scorer import ChildScorer
from services.executor.scoring.scorers import ScorerTask


def open_scorer(task: ScorerTask) -> ChildScorer:
    return ChildScorer(task)
