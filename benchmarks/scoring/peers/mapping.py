"""A model over a frame by `mapInPandas`, loaded once a worker."""

import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import joblib
import pandas as pd
from pyspark.sql import DataFrame

Frames = Iterable[pd.DataFrame]


def map_in_pandas(rows: DataFrame, model: str, columns: Sequence[str]) -> DataFrame:
    """The columns `id` and `prediction`."""
    return rows.mapInPandas(_scoring(model, list(columns)), "id long, prediction double")


def _scoring(model: str, columns: list[str]) -> Callable[[Frames], Iterator[pd.DataFrame]]:
    def score(frames: Frames) -> Iterator[pd.DataFrame]:
        estimator = _loaded(model)
        for frame in frames:
            yield pd.DataFrame({"id": frame["id"], "prediction": estimator.predict(frame[columns])})

    return score


@functools.lru_cache(maxsize=2)
def _loaded(model: str) -> Any:
    return joblib.load(model)
