"""A model that fails on rows with missing values alone: its own words, which may quote rows, stay in the log."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa

from .compute import pc
from .conversion import Column
from .native import PredictionFailed

Predict = Callable[[Sequence[pa.Array], int], Any]


def told_of_missing(predict: Predict, columns: Sequence[pa.Array], rows: int, inputs: Sequence[Column]) -> Any:
    """What `predict` gives for `columns`, which are the signature's `inputs`.

    Raises:
        PredictionFailed: it failed, and doesn't without the rows in which values are missing.
    """
    try:
        return predict(columns, rows)
    except MemoryError:
        raise
    except Exception as error:
        gaps = {at: pc.is_null(column, nan_is_null=True) for at, column in enumerate(columns)}
        named = [inputs[at].name for at, flags in gaps.items() if pc.any(flags).as_py()]
        if not named or not _succeeds_without(predict, columns, list(gaps.values())):
            raise
        raise PredictionFailed(
            f"the model raised {type(error).__name__} for rows in which {', '.join(named[:5])} is missing: declare it"
            " required, so that such rows are rejected, or fill it in a step of the model"
        ) from error


def _succeeds_without(predict: Predict, columns: Sequence[pa.Array], gaps: Sequence[pa.Array]) -> bool:
    whole = np.logical_not(np.any([flags.to_numpy(zero_copy_only=False) for flags in gaps], axis=0))
    if not whole.any():
        return True
    kept = pa.array(whole)
    try:
        predict([column.filter(kept) for column in columns], int(whole.sum()))
    except Exception:  # noqa: BLE001 - whatever a model raises
        return False
    return True
