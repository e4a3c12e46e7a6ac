"""Whether all have computed the same: every row's score, not how many there are."""

from typing import Final

import joblib
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from benchmarks.scoring.cases import Case
from benchmarks.scoring.inputs import ROW_GROUP
from benchmarks.scoring.models import first_rows
from services.executor.scoring.objects import Bucket

_CLOSE: Final = 1e-9
"""Relative and absolute: sums of a few numbers in another order."""
Scores = NDArray[np.float64]


class Disagreement(RuntimeError):
    """Somebody has scored other rows, or otherwise."""


def read_scores(case: Case, keys: list[str], results: Bucket) -> Scores:
    """The score of each row, by `id`. Raises: Disagreement: a row is missing, or there twice."""
    scores, times = np.zeros(case.data.rows), np.zeros(case.data.rows, np.int64)
    for key in keys:
        table = pq.read_table(pa.BufferReader(results.get(key)), columns=["id", "prediction"])
        ids = table["id"].to_numpy()
        scores[ids] = table["prediction"].to_numpy()
        times += np.bincount(ids, minlength=len(times))
    if (times != 1).any():
        raise Disagreement(f"{case.name}: {(times == 0).sum()} rows are missing, {(times > 1).sum()} are there twice")
    return scores


def called_directly(case: Case, datasets: Bucket) -> Scores:
    """What the estimator itself gives for the first row group."""
    return joblib.load(case.model.path).predict(first_rows(case.data, datasets))


def ensure_same(case: Case, scores: dict[str, Scores], directly: Scores) -> None:
    """Raises: Disagreement: it names who."""
    (first, reference), *others = scores.items()
    if not np.allclose(reference[:ROW_GROUP], directly, rtol=_CLOSE, atol=_CLOSE):
        raise Disagreement(f"{case.name}: {first} and the estimator itself")
    for name, found in others:
        if not np.allclose(found, reference, rtol=_CLOSE, atol=_CLOSE):
            raise Disagreement(f"{case.name}: {first} and {name}")
