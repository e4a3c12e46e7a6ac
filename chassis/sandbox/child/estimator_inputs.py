"""What an estimator takes, made of the signature's columns: a frame, a matrix, or a sequence of one column's values."""

from collections.abc import Sequence
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .binding import ModelUnsupported, SignatureMismatch
from .conversion import Column
from .fitted import (
    Seen,
    feature_count,
    heads,
    is_known,
    look_into,
    takes_dictionaries,
    takes_one_dimension,
    used_names,
)
from .formats import Source
from .frames import WHOLE_IN_DOUBLE, Look, looks_of, to_frame, to_matrix
from .results import given_columns

_NUMBERS: Final = frozenset({"integer", "long", "float", "double"})
_WHOLE: Final = frozenset({"integer", "long"})
_TEXTS: Final = frozenset({"string", "binary"})
_FAMILIES: Final = {
    "b": "numbers",
    "i": "numbers",
    "u": "numbers",
    "f": "numbers",
    "M": "times",
    "U": "texts",
    "S": "bytes",
}
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
_DECLARE: Final = {"numbers": "a number", "times": "datetime", "texts": "string", "bytes": "binary"}


class Inputs(Protocol):
    """Rows as an estimator takes them."""

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        """What `predict` gets, and how many rows were added to it at the end."""
        ...


def inputs_of(estimator: Any, source: Source) -> Inputs:
    """Raises: SignatureMismatch, ModelUnsupported."""
    first = list(heads(estimator))
    if any(takes_dictionaries(head) for head in first):
        raise ModelUnsupported(
            f"{type(first[0]).__name__} takes a dictionary a row, which a table doesn't give: fit the model with a"
            " frame and a OneHotEncoder, or register it in format python"
        )
    if any(takes_one_dimension(head) for head in first):
        alone = Sequence1d(first, source)
        source.bound(None, 1)
        return alone
    names, count = used_names(estimator), feature_count(estimator)
    binding = source.bound(names, count if names is None else len(names), rewritten=_rewritten(first))
    columns = [source.inputs[position] for position in binding.positions]
    looks = looks_for(estimator, columns, text=source.text)
    if names is None and count is not None:
        return Matrix(binding.positions, columns, looks)
    frame = Frame(binding.positions, _names_in_model(columns, names), looks)
    return frame if all(map(is_known, first)) else _tried(estimator, frame, first, source)


def looks_for(estimator: Any, columns: Sequence[Column], *, text: bool) -> list[Look]:
    """How each of its inputs has to stand in a frame.

    Args:
        estimator: a fitted one.
        columns: of the signature, in the model's order.
        text: whether the data are texts, as in a CSV.

    Raises:
        SignatureMismatch: one is of a type of which the model would know no value.
        ModelUnsupported: one can't be what it was in training.
    """
    sight = look_into(estimator, len(columns))
    usual = _marks(sight.behind, np.nan if text else None)
    return [_look(column, seen, usual) for column, seen in zip(columns, sight.columns, strict=True)]


class Sequence1d:
    """One column's values, for an estimator that was fitted with a list of them."""

    def __init__(self, first: Sequence[Any], source: Source) -> None:
        if len(source.inputs) != 1:
            raise SignatureMismatch(
                f"the model takes one column ({type(first[0]).__name__}), and the signature has {len(source.inputs)}"
            )
        self._column = source.inputs[0]
        self._look = looks_of(source.inputs, text=source.text)[0]
        for head in first:
            if hasattr(head, "analyzer"):
                _check_texts(head, self._column)

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        del rows
        return to_frame([self._column.name], columns, [self._look])[self._column.name], 0


class Matrix:
    """Of an estimator that was fitted without names: columns by place."""

    def __init__(self, positions: Sequence[int], columns: Sequence[Column], looks: Sequence[Look]) -> None:
        self._positions, self._looks = positions, looks
        self._names = [column.name for column in columns]
        self._dtype = _dtype_of(columns)

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        del rows
        chosen = [columns[at] for at in self._positions]
        if self._dtype is not None:
            return to_matrix(chosen, self._dtype), 0
        return to_frame(self._names, chosen, self._looks).to_numpy(), 0


class Frame:
    """Columns by name."""

    def __init__(self, positions: Sequence[int], names: list[str], looks: Sequence[Look]) -> None:
        self._positions, self.names, self._looks = positions, names, looks

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        del rows
        return to_frame(self.names, [columns[at] for at in self._positions], self._looks), 0


class GuardedFrame:
    """For an estimator of which nobody knows whether it takes a frame."""

    def __init__(self, frame: Frame) -> None:
        self._frame = frame

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        frame, _ = self._frame.rows(columns, rows)
        if rows != len(self._frame.names):
            return frame, 0
        # What goes through a frame gets its columns' names: with as many rows as columns nobody would see it.
        return frame.iloc[[*range(rows), rows - 1]].reset_index(drop=True), 1


def _tried(estimator: Any, frame: Frame, first: Sequence[Any], source: Source) -> Inputs:
    """What a class of somebody's own takes, of which one column may come alone: what gives a prediction a row."""
    guarded = GuardedFrame(frame)
    if len(source.inputs) != 1:
        return guarded
    column = source.inputs[0]
    values = pa.array(_TRIED[column.type], column.arrow_type)
    alone = Sequence1d(first, source)
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


def _look(column: Column, seen: Seen, usual: float | None) -> Look:
    """How the column has to stand in the frame. Raises: SignatureMismatch, ModelUnsupported."""
    if seen.numeric:
        _check_numeric(column)
    for vectorizer in seen.vectorizers:
        _check_texts(vectorizer, column)
    for known in seen.categories:
        _check_categories(column, known)
    missing = _missing(column, seen, usual)
    return Look(not column.required, missing, numeric=seen.numeric, categories=seen.dtype_categories)


def _check_numeric(column: Column) -> None:
    if column.type == "datetime":
        raise ModelUnsupported(
            f"the model calculates with the times of {column.name}, whose unit is not the same in every file: make"
            " numbers of them in a step of your own, and fit it anew"
        )
    if column.type in _TEXTS:
        raise SignatureMismatch(
            f"the model calculates with {column.name}, which is {column.type} in the signature: declare it double"
        )


def _check_categories(column: Column, known: npt.NDArray[Any]) -> None:
    """Whether the column's values can be found among the categories that an encoder was fitted with."""
    values = [each for each in known.tolist() if each is not None and each == each]  # noqa: PLR0124 - NaN
    if not values:
        return
    ours = _family(np.empty(0, column.arrow_type.to_pandas_dtype()), column)
    theirs = _family(np.array(values) if known.dtype == object else known, column)
    if ours != theirs:
        hint = f"declare it {_DECLARE[theirs]}" if theirs in _DECLARE else "encode texts or numbers instead"
        raise SignatureMismatch(
            f"the model was fitted with {theirs} in {column.name}, which is {column.type} in the signature: {hint}"
        )
    if known.dtype.kind in "iu" and not column.required and max(map(abs, values)) > WHOLE_IN_DOUBLE:
        raise SignatureMismatch(
            f"the model tells whole numbers beyond 2^53 apart in {column.name}, which are floats where one may be"
            f" missing: declare {column.name} required, or encode texts instead"
        )
    if column.type == "float" and any(float(np.float32(each)) != float(each) for each in values):
        raise SignatureMismatch(
            f"the model's categories of {column.name} are no numbers of type float, as which they would not be found:"
            " declare it double"
        )


def _family(values: npt.NDArray[Any], column: Column) -> str:
    if column.type in _TEXTS and not values.size:
        return "texts" if column.type == "string" else "bytes"
    return _FAMILIES.get(values.dtype.kind, f"values of type {type(values.flat[0]).__name__}" if values.size else "")


def _missing(column: Column, seen: Seen, usual: float | None) -> float | None:
    """What stands for a missing object: what the model was fitted with, else what pandas reads.

    Raises:
        ModelUnsupported: the model tells two kinds of missing values apart.
    """
    has_none, has_nan = _marked(seen.categories)
    if has_none and has_nan and not column.required:
        raise ModelUnsupported(
            f"the model was fitted with two kinds of missing values in {column.name}, None and NaN, and data have one:"
            " fill one of them and fit it anew"
        )
    if has_none or has_nan:
        return None if has_none else np.nan
    marks = {_mark(each) for each in seen.missing} - {""}
    return {"None": None, "NaN": np.nan}[marks.pop()] if len(marks) == 1 else usual


def _marked(categories: Sequence[npt.NDArray[Any]]) -> tuple[bool, bool]:
    """Whether None is among the categories of objects, and NaN."""
    known = [each for values in categories if values.dtype == object for each in values.tolist()]
    return any(each is None for each in known), any(each != each for each in known)  # noqa: PLR0124


def _marks(behind: Sequence[npt.NDArray[Any]], usual: float | None) -> float | None:
    """What stands for a missing object by what steps of one's own made of it: itself, or its text; else the usual."""
    has_none, has_nan = _marked(behind)
    texts = {each for values in behind for each in values.tolist() if isinstance(each, str)}
    none, nan = has_none or "None" in texts, has_nan or "nan" in texts
    return usual if none == nan else None if none else np.nan


def _mark(missing: Any) -> str:
    """Of an imputer's `missing_values`; empty where it is neither None nor NaN."""
    if missing is None:
        return "None"
    return "NaN" if isinstance(missing, float) and np.isnan(missing) else ""


def _dtype_of(columns: Sequence[Column]) -> str | None:
    """Of a matrix of numbers; None: there are others, or nothing."""
    kinds = {column.type for column in columns}
    if not kinds or not kinds <= _NUMBERS:
        return None
    if kinds <= _WHOLE and all(column.required for column in columns):
        return "int64"
    return "float32" if kinds == {"float"} else "float64"


def _names_in_model(columns: Sequence[Column], names: Sequence[str] | None) -> list[str]:
    return [column.name for column in columns] if names is None else list(names)


def _rewritten(first: Sequence[Any]) -> Any:
    """LightGBM's estimators write underscores for blanks into the names that they keep."""
    return _underscored if any(type(head).__module__.startswith("lightgbm.") for head in first) else None


def _underscored(name: str) -> str:
    return name.replace(" ", "_")


def _check_texts(vectorizer: Any, column: Column) -> None:
    """Raises: SignatureMismatch, ModelUnsupported."""
    name = type(vectorizer).__name__
    if vectorizer.input != "content":
        raise ModelUnsupported(f"{name} reads files, which aren't here: fit it with input='content'")
    if callable(vectorizer.analyzer) or vectorizer.preprocessor is not None:
        return
    if column.type not in _TEXTS:
        raise SignatureMismatch(
            f"{name} takes texts, and {column.name} is {column.type} in the signature: declare it string"
        )
    if not column.required:
        raise SignatureMismatch(
            f"{name} takes no missing texts, and {column.name} is not required in the signature: declare it required,"
            " so that such rows are rejected, or fill them in a step before it"
        )
