"""Scores in the Spark worker itself: for formats that are data only."""

import gc
import time
from collections.abc import Iterable, Iterator
from typing import Any

from chassis.sandbox.child.chunk import ChunkUnreadable
from chassis.sandbox.child.counting import Counting
from chassis.sandbox.child.failing import in_words
from chassis.sandbox.child.formats import Format, ModelUnsupported, SignatureMismatch
from chassis.sandbox.child.outputs import PredictionShape
from chassis.sandbox.child.scoring import Model, ModelFailed, Plan, Scored, score_chunk
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.reading import LoadedChunk
from services.executor.scoring.scorer import ScorerTask, Watching


class LocalScorer:
    def __init__(self, model: Model, plan: Plan, inspection: dict[str, Any], load_s: float) -> None:
        self._model = model
        self._plan = plan
        self.inspection = inspection
        self.load_s = load_s
        freeze_heap()

    def score(self, chunks: Iterable[LoadedChunk], watching: Watching) -> Iterator[tuple[LoadedChunk, Scored]]:
        """What is data only has no code that could print."""
        for loaded in chunks:
            yield loaded, self._score(loaded, watching.counting)

    def peak_bytes(self) -> int:
        """The worker's own is measured there."""
        return 0

    def close(self) -> None:
        """The model goes with its last reference."""

    def _score(self, loaded: LoadedChunk, counting: Counting | None) -> Scored:
        try:
            return score_chunk(loaded.chunk, self._plan, self._model, counting)
        except ModelFailed as error:
            raise ScoringError("model-failed", loaded.place(str(error), error.row)) from error
        except PredictionShape as error:
            raise ScoringError("prediction-shape", loaded.place(str(error), None)) from error
        except ChunkUnreadable as error:
            raise ScoringError("input-corrupt", loaded.place(str(error), None)) from error


def open_local(task: ScorerTask, chosen: Format) -> LocalScorer:
    """Raises `ScoringError` (`signature-mismatch`, `artifact-…`)."""
    began = time.perf_counter()
    with task.artifacts.checked_out(task.job.model) as path:
        source = task.source(path)
        try:
            model, inspection = chosen.load(source), chosen.inspect(source).to_dict()
            return LocalScorer(model, task.plan, inspection, time.perf_counter() - began)
        except SignatureMismatch as error:
            raise ScoringError("signature-mismatch", f"{task.job.model.name}: {error}") from error
        except ModelUnsupported as error:
            raise ScoringError("model-unsupported", f"{task.job.model.name}: {error}") from error
        except Exception as error:
            raise ScoringError("artifact-unreadable", f"{task.job.model.name}: {in_words(error)[:500]}") from error


def freeze_heap() -> None:
    """PySpark's daemon collects a reused worker's whole heap after each task: what stays is put out of its sight."""
    gc.unfreeze()
    gc.collect()
    gc.freeze()
