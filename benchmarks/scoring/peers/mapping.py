"""A model over a frame by `mapInPandas`, loaded once a worker."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import joblib
import pandas as pd
from pyspark.sql import DataFrame

Frames = Iterable[pd.DataFrame]


def map_in_pandas(rows: DataFrame, model: str, columns: Sequence[str], kept: Sequence[str]) -> DataFrame:
    """The columns that are kept and `prediction`."""
    schema = rows.select(*kept).schema.add("prediction", "double")
    return rows.mapInPandas(_scoring(model, list(columns), list(kept)), schema)


def _scoring(model: str, columns: list[str], kept: list[str]) -> Callable[[Frames], Iterator[pd.DataFrame]]:
    def score(frames: Frames) -> Iterator[pd.DataFrame]:
        estimator = _loaded(model)
        for frame in frames:
            yield frame[kept].assign(prediction=estimator.predict(frame[columns]))

    return score


@functools.lru_cache(maxsize=2)
def _loaded(model: str) -> Any:
    return joblib.load(model)
