"""How each of an estimator's columns has to stand in a frame, and whether it can be what it was in training."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .binding import ModelUnsupported, SignatureMismatch
from .conversion import Column
from .fitted_columns import Seen, look_into
from .frames import WHOLE_IN_DOUBLE, Look

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
_DECLARE: Final = {"numbers": "a number", "times": "datetime", "texts": "string", "bytes": "binary"}


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


def _look(column: Column, seen: Seen, usual: float | None) -> Look:
    """How the column has to stand in the frame. Raises: SignatureMismatch, ModelUnsupported."""
    if seen.numeric:
        _check_numeric(column)
    for vectorizer in seen.vectorizers:
        _check_texts(vectorizer, column)
    for known in seen.categories:
        _check_categories(column, known)
    return Look(
        not column.required,
        _missing(column, seen, usual),
        numeric=seen.numeric,
        categories=seen.dtype_categories,
        complete=seen.complete or any(_takes_no_missing(each) for each in seen.vectorizers),
    )


def _takes_no_missing(vectorizer: Any) -> bool:
    return not callable(vectorizer.analyzer) and vectorizer.preprocessor is None


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


def _check_texts(vectorizer: Any, column: Column) -> None:
    """Raises: SignatureMismatch, ModelUnsupported."""
    name = type(vectorizer).__name__
    if vectorizer.input != "content":
        raise ModelUnsupported(f"{name} reads files, which aren't here: fit it with input='content'")
    if _takes_no_missing(vectorizer) and column.type not in _TEXTS:
        raise SignatureMismatch(
            f"{name} takes texts, and {column.name} is {column.type} in the signature: declare it string"
        )
