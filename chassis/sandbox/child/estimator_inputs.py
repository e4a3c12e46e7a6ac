"""What an estimator takes, made of the signature's columns: a frame, a matrix, or a sequence of one column's values."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .binding import ModelUnsupported, SignatureMismatch
from .compute import pc
from .conversion import Column
from .estimator_columns import looks_for
from .fitted import feature_count, heads, is_known, takes_dictionaries, takes_one_dimension, used_names
from .formats import Source
from .frames import Look, to_frame, to_matrix
from .result_values import PredictionShape
from .results import given_columns

_NUMBERS: Final = frozenset({"integer", "long", "float", "double"})
_WHOLE: Final = frozenset({"integer", "long"})
_TRIED: Final[dict[str, list[Any]]] = {
    "boolean": [False, True, False],
    "integer": [0, 1, 2],
    "long": [0, 1, 2],
    "float": [0.0, 1.0, 2.0],
    "double": [0.0, 1.0, 2.0],
    "string": ["a", "word", "two words"],
    "binary": [b"a", b"word", b"two words"],
    "datetime": [0, 1, 2],
}
Unfit = Iterator[tuple[str, npt.NDArray[np.bool_], str]]
"""Columns that hold what a model can't take, with a mask of their rows and the reason."""


class Inputs(Protocol):
    """Rows as an estimator takes them."""

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        """What `predict` gets, and how many rows were added to it at the end."""
        ...

    def unfit(self, columns: Sequence[pa.Array]) -> Unfit:
        """See `fitting.Choosy`."""
        ...


@dataclass(frozen=True)
class Chosen:
    """Those of the signature's columns that the model takes, in its order; `names` are its own for them."""

    positions: Sequence[int]
    columns: Sequence[Column]
    names: Sequence[str]
    looks: Sequence[Look]

    def arrays(self, columns: Sequence[pa.Array]) -> list[pa.Array]:
        return [columns[position] for position in self.positions]

    def frame(self, columns: Sequence[pa.Array]) -> Any:
        return to_frame(self.names, self.arrays(columns), self.looks)

    def unfit(self, columns: Sequence[pa.Array]) -> Unfit:
        for column, look, values in zip(self.columns, self.looks, self.arrays(columns), strict=True):
            mask = _incomplete(values) if look.complete and look.optional else None
            if mask is not None:
                yield column.name, mask, "a missing or infinite value, which the model doesn't take"


def _incomplete(values: pa.Array) -> npt.NDArray[np.bool_] | None:
    """Where a value is missing or infinite; None: nowhere."""
    flags = pc.is_null(values, nan_is_null=True)
    if pa.types.is_floating(values.type):
        flags = pc.or_(flags, pc.fill_null(pc.is_inf(values), fill_value=True))
    return flags.to_numpy(zero_copy_only=False) if pc.any(flags).as_py() else None


def inputs_of(estimator: Any, source: Source) -> Inputs:
    """Raises: SignatureMismatch, ModelUnsupported."""
    first = list(heads(estimator))
    if any(takes_dictionaries(head) for head in first):
        raise ModelUnsupported(
            f"{type(first[0]).__name__} takes a dictionary a row, which a table doesn't give: fit the model with a"
            " frame and a OneHotEncoder, or register it in format python"
        )
    if any(takes_one_dimension(head) for head in first):
        return _one_column(estimator, first, source)
    names, count = used_names(estimator), feature_count(estimator)
    binding = source.bound(names, count if names is None else len(names), rewritten=_rewritten(first))
    columns = [source.inputs[position] for position in binding.positions]
    looks = looks_for(estimator, columns, text=source.text)
    chosen = Chosen(binding.positions, columns, names or [column.name for column in columns], looks)
    if names is None and count is not None:
        return Matrix(chosen)
    return Frame(chosen) if all(map(is_known, first)) else _tried(estimator, chosen, source)


def _one_column(estimator: Any, first: Sequence[Any], source: Source) -> "OneColumn":
    if len(source.inputs) != 1:
        raise SignatureMismatch(
            f"the model takes one column ({type(first[0]).__name__}), and the signature has {len(source.inputs)}"
        )
    column = source.inputs[0]
    source.bound(None, 1)
    return OneColumn(Chosen([0], [column], [column.name], looks_for(estimator, [column], text=source.text)))


class OneColumn:
    """Its values, for an estimator that was fitted with a sequence of them."""

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self.unfit = chosen.unfit

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        del rows
        return self._chosen.frame(columns)[self._chosen.names[0]], 0


class Matrix:
    """Of an estimator that was fitted without names: columns by place."""

    def __init__(self, chosen: Chosen) -> None:
        self._chosen, self._dtype = chosen, _dtype_of(chosen.columns)
        self.unfit = chosen.unfit

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        del rows
        if self._dtype is not None:
            return to_matrix(self._chosen.arrays(columns), self._dtype), 0
        return self._chosen.frame(columns).to_numpy(), 0


class Frame:
    """Columns by name."""

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self.unfit = chosen.unfit

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        del rows
        return self._chosen.frame(columns), 0


class GuardedFrame:
    """For an estimator of which nobody knows whether it takes a frame."""

    def __init__(self, chosen: Chosen) -> None:
        self._chosen = chosen
        self.unfit = chosen.unfit

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        frame = self._chosen.frame(columns)
        if rows != len(self._chosen.names):
            return frame, 0
        # What goes through a frame gets its columns' names: with as many rows as columns nobody would see it.
        return frame.iloc[[*range(rows), rows - 1]].reset_index(drop=True), 1


def without_added(result: Any, rows: int, more: int) -> Any:
    """Predictions for `rows` rows, of a result for `more` (see `Inputs.rows`). Raises: PredictionShape."""
    if not more:
        return result
    if not hasattr(result, "__len__") or len(result) != rows + more:
        raise PredictionShape(
            "the model gives another number of predictions than it gets rows: it seems to go through the columns of its"
            " frame, where it was fitted with a list"
        )
    return getattr(result, "iloc", result)[:rows]


def _tried(estimator: Any, chosen: Chosen, source: Source) -> Inputs:
    """What a class of somebody's own takes, of which one column may come alone: what gives a prediction a row."""
    guarded = GuardedFrame(chosen)
    if len(source.inputs) != 1:
        return guarded
    column, alone = source.inputs[0], OneColumn(chosen)
    values = pa.array(_TRIED[column.type], column.arrow_type)
    answers = [_gives_a_row_each(estimator, ways.rows([values], len(values))[0]) for ways in (guarded, alone)]
    if answers != [False, True]:
        return guarded
    source.bound(None, 1)
    return alone


def _gives_a_row_each(estimator: Any, given: Any) -> bool:
    try:
        return len(given_columns(estimator.predict(given), len(given))) > 0
    except Exception:  # noqa: BLE001 - whatever it makes of made-up rows
        return False


def _dtype_of(columns: Sequence[Column]) -> str | None:
    """Of a matrix of numbers; None: there are others, or nothing."""
    kinds = {column.type for column in columns}
    if not kinds or not kinds <= _NUMBERS:
        return None
    if kinds <= _WHOLE and all(column.required for column in columns):
        return "int64"
    return "float32" if kinds == {"float"} else "float64"


def _rewritten(first: Sequence[Any]) -> Any:
    """LightGBM's estimators write underscores for blanks into the names that they keep."""
    return _underscored if any(type(head).__module__.startswith("lightgbm.") for head in first) else None


def _underscored(name: str) -> str:
    return name.replace(" ", "_")
