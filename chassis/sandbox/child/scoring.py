"""A chunk scored: decoded, converted, predicted in batches. The same on both sides of the sandbox."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pyarrow as pa

from .chunk import Chunk
from .conversion import Column, Rejections, convert_rows
from .counting import Counting, Counts
from .failing import in_words
from .outputs import PREDICTION, PredictionShape, to_table


class Model(Protocol):
    """A loaded model: columns of the signature's types in, predictions out (see `outputs.to_table`)."""

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any: ...


class ModelFailed(Exception):
    """The model raised. `row` is the chunk's row that it raised at, where that could be found."""

    def __init__(self, message: str, row: int | None) -> None:
        super().__init__(message)
        self.row = row


@dataclass(frozen=True)
class Plan:
    """What to do with every chunk of a job."""

    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    text: bool

    @property
    def input_names(self) -> list[str]:
        return [column.name for column in self.inputs]


@dataclass(frozen=True)
class Scored:
    """Predictions for the rows that weren't rejected, in their order."""

    rows: int
    predictions: pa.Table
    rejections: pa.Table
    seconds: float
    counts: Counts | None = None
    """Of the inputs of these rows; None where nothing is counted."""
    counting_s: float = 0.0


def score_chunk(chunk: Chunk, plan: Plan, model: Model, counting: Counting | None = None) -> Scored:
    """Scores one chunk, and counts its inputs.

    Raises:
        ModelFailed: the model raised.
        PredictionShape: what it gave doesn't fit.
        ChunkUnreadable: the bytes can't be decoded.
    """
    rows, seconds, counting_s = 0, 0.0, 0.0
    counts = Counts(counting) if counting else None
    rejections, tables = Rejections(), list[pa.Table]()
    for batch in chunk.batches(plan.input_names):
        columns, kept = convert_rows(batch, plan.inputs, text=plan.text, first_row=rows, rejections=rejections)
        count = batch.num_rows if kept is None else int(kept.sum())
        if count:
            began = time.perf_counter()
            tables.append(to_table(_predict(model, columns, count, kept, rows), plan.outputs, count))
            ended = time.perf_counter()
            seconds += ended - began
            if counts:
                counts.add(dict(zip(plan.input_names, columns, strict=True)), count)
                counting_s += time.perf_counter() - ended
        rows += batch.num_rows
    return Scored(rows, _joined(tables, plan), rejections.table(), seconds, counts, counting_s)


def _joined(tables: list[pa.Table], plan: Plan) -> pa.Table:
    if not tables:
        fields = [(column.name, column.arrow_type) for column in plan.outputs] or [(PREDICTION, pa.null())]
        return pa.schema(fields).empty_table()
    if len({table.schema for table in tables}) > 1:
        raise PredictionShape(
            "the model gives different types for different rows; declare its outputs in the signature"
        )
    return pa.concat_tables(tables).combine_chunks()


def _predict(model: Model, columns: Sequence[pa.Array], rows: int, kept: Any, first_row: int) -> Any:
    try:
        return model.predict(columns, rows)
    except Exception as error:
        position = _failing_row(model, columns, rows)
        row = (
            None
            if position is None
            else first_row + (position if kept is None else int(np.flatnonzero(kept)[position]))
        )
        raise ModelFailed(in_words(error), row) from error


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
