"""A batch scored: converted, predicted, its rows accepted or set aside."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .conversion import NO_FOLDERS, Column, Rejections, convert_rows
from .fitting import reject_unfit
from .outputs import PREDICTION, PredictionShape, to_table


class Model(Protocol):
    """A loaded model: columns of the signature's types in, predictions out (see `outputs.to_table`)."""

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any: ...


class ModelFailed(Exception):
    """The model raised `error`. `row` is the chunk's row that it raised at, where that could be found."""

    def __init__(self, error: Exception, row: int | None) -> None:
        super().__init__(str(error))
        self.error, self.row = error, row


@dataclass(frozen=True)
class Plan:
    """What is the same for every chunk of a job."""

    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    text: bool

    @property
    def input_names(self) -> list[str]:
        return [column.name for column in self.inputs]


@dataclass(frozen=True)
class ScoredBatch:
    """`kept`: the mask of rows that were not rejected (None: all); `columns` and `predictions` are those rows'."""

    columns: list[pa.Array]
    predictions: pa.Table
    kept: npt.NDArray[np.bool_] | None
    rejections: pa.Table
    seconds: float


def score_batch(
    batch: pa.RecordBatch,
    plan: Plan,
    model: Model,
    *,
    first_row: int,
    folders: Mapping[str, str | None] = NO_FOLDERS,
) -> ScoredBatch:
    """Scores one batch of a chunk, whose rows count from `first_row`, with what its object's `folders` say.

    Raises:
        ModelFailed: the model raised.
        PredictionShape: what it gave doesn't fit.
    """
    rejections = Rejections()
    columns, kept = convert_rows(
        batch, plan.inputs, text=plan.text, first_row=first_row, rejections=rejections, folders=folders
    )
    columns, kept = reject_unfit(model, columns, kept, first_row=first_row, rejections=rejections)
    rows = batch.num_rows if kept is None else int(kept.sum())
    began = time.perf_counter()
    predictions = _predicted(model, columns, plan, rows, kept, first_row) if rows else nothing(plan)
    return ScoredBatch(columns, predictions, kept, rejections.table(), time.perf_counter() - began)


def nothing(plan: Plan) -> pa.Table:
    """Predictions of no rows."""
    fields = [(column.name, column.arrow_type) for column in plan.outputs] or [(PREDICTION, pa.null())]
    return pa.schema(fields).empty_table()


def _predicted(model: Model, columns: Sequence[pa.Array], plan: Plan, rows: int, kept: Any, first_row: int) -> pa.Table:
    try:
        return to_table(_predict(model, columns, rows, kept, first_row), plan.outputs, rows)
    except PredictionShape as error:
        raise PredictionShape(str(error), _row_of(error.row, kept, first_row)) from error


def _predict(model: Model, columns: Sequence[pa.Array], rows: int, kept: Any, first_row: int) -> Any:
    try:
        return model.predict(columns, rows)
    except PredictionShape:
        raise
    except Exception as error:
        raise ModelFailed(error, _row_of(_failing_row(model, columns, rows), kept, first_row)) from error


def _row_of(position: int | None, kept: Any, first_row: int) -> int | None:
    """The chunk's row of one among those scored."""
    if position is None:
        return None
    return first_row + (position if kept is None else int(np.flatnonzero(kept)[position]))


def _failing_row(model: Model, columns: Sequence[pa.Array], rows: int) -> int | None:
    """The first row that the model also fails for alone, found by halving."""
    low, high = 0, rows
    while high - low > 1:
        middle = (low + high) // 2
        if _fails(model, columns, low, middle):
            high = middle
        else:
            low = middle
    return low if _fails(model, columns, low, high) else None


def _fails(model: Model, columns: Sequence[pa.Array], low: int, high: int) -> bool:
    try:
        model.predict([column.slice(low, high - low) for column in columns], high - low)
    except Exception:  # noqa: BLE001 - whatever a model raises
        return True
    return False
