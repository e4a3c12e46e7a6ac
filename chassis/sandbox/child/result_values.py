"""Values of any library as an Arrow array. Nothing is lost on the way: what can't be held is refused."""

import math
from collections.abc import Sequence
from datetime import date
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

_UNITS: Final = frozenset({"s", "ms", "us", "ns"})


class PredictionShape(Exception):
    """The predictions don't fit the rows or the signature's outputs.

    `row` is the first row that it is about, counted from 0 among those scored at once; None where it is about all.
    """

    def __init__(self, message: str, row: int | None = None) -> None:
        super().__init__(message)
        self.row = row


def to_values(values: Any) -> pa.Array:
    """An Arrow array of what is one column: an Arrow array, a pandas series, an array of one dimension, a list.

    What pandas or NumPy mark as missing is null; a float's NaN stays NaN.

    Raises:
        PredictionShape: there is no one type for all values.
    """
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if isinstance(values, pa.Array):
        return _plain(values)
    if isinstance(values, np.ndarray):
        return _from_numpy(values)
    if isinstance(values, list):
        return _from_objects(values)
    return _from_series(values)


def _plain(values: pa.Array) -> pa.Array:
    return values.dictionary_decode() if pa.types.is_dictionary(values.type) else values


def _from_series(series: Any) -> pa.Array:
    if isinstance(series.dtype, np.dtype):
        return _from_numpy(series.to_numpy())
    if hasattr(series, "sparse"):
        return _from_numpy(series.sparse.to_dense().to_numpy())
    found = pa.array(series)
    return _plain(found.combine_chunks() if isinstance(found, pa.ChunkedArray) else found)


def _from_numpy(array: npt.NDArray[Any]) -> pa.Array:
    missing = np.ma.getmaskarray(array) if isinstance(array, np.ma.MaskedArray) else None
    data = _held(np.ascontiguousarray(np.ma.getdata(array)))
    if data.dtype.kind == "O":
        if missing is not None:
            data = data.copy()
            data[missing] = None
        return _from_objects(data.tolist())
    if data.dtype.kind in "cV":
        raise PredictionShape(f"the model gives an array of {array.dtype}, which is no column's type")
    return pa.array(data, mask=missing, from_pandas=False)


def _held(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """In a type that Arrow holds, too."""
    kind = array.dtype
    if not kind.isnative:
        array = array.astype(kind.newbyteorder("="))
    if kind.kind == "f" and kind.itemsize not in {4, 8}:
        return array.astype(np.float32 if kind.itemsize < 4 else np.float64)  # noqa: PLR2004
    if kind.kind == "M" and np.datetime_data(kind)[0] not in _UNITS:
        return array.astype("datetime64[s]")
    return array.astype(object) if kind.kind == "T" else array


def _from_objects(values: list[Any]) -> pa.Array:
    """Of Python's own objects, or NumPy's and pandas' single values."""
    if any(isinstance(value, date | np.datetime64) for value in values):
        return _times(values)
    plain = [value.item() if isinstance(value, np.ndarray) and value.ndim == 0 else value for value in values]
    for marks_are_null in (False, True):
        try:
            return _plain(pa.array(plain, from_pandas=marks_are_null))
        except (pa.ArrowException, TypeError, ValueError, OverflowError):
            continue
    raise PredictionShape(f"the model gives values of {_kinds(plain)}, which are of no one type that a column has")


def _times(values: Sequence[Any]) -> pa.Array:
    """Instants; a time without a zone is UTC, a day its midnight. Arrow itself would cut nanoseconds and hours off."""
    import pandas as pd

    instants: list[int | None] = []
    for row, value in enumerate(values):
        if _is_missing(value):
            instants.append(None)
            continue
        try:
            moment = pd.Timestamp(_of_a_time(value))
            instants.append(int((moment if moment.tzinfo is None else moment.tz_convert("UTC")).as_unit("ns").value))
        except (TypeError, ValueError, OverflowError) as error:
            what = f"a value of type {type(value).__name__} that is no time between the years 1678 and 2262"
            raise PredictionShape(f"the model gives {what}", row) from error
    return pa.array(instants, pa.int64()).cast(pa.timestamp("ns"))


def _of_a_time(value: Any) -> date | np.datetime64:
    if not isinstance(value, date | np.datetime64):
        raise TypeError
    return value


def _is_missing(value: Any) -> bool:
    """None, NaN, NaT, pandas' NA: what isn't equal to itself, or whose equality isn't known."""
    if value is None or isinstance(value, float):
        return value is None or math.isnan(value)
    return not isinstance(value, str | bytes) and (type(value).__name__ == "NAType" or value != value)  # noqa: PLR0124


def _kinds(values: Sequence[Any]) -> str:
    names = sorted({type(value).__name__ for value in values})
    return f"type {names[0]}" if len(names) == 1 else f"the types {', '.join(names[:5])}"
