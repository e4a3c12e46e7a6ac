"""What a model gave back, whatever it is made of, as columns of one value a row."""

import sys
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa

from .result_values import PredictionShape, to_values

_SCALARS: Final = (str, bytes, bytearray, memoryview, int, float, complex, np.generic)


@dataclass(frozen=True)
class Given:
    """A column of the result. `name` is what the model calls it, None where it goes by its place."""

    name: Any
    values: pa.Array


def given_columns(result: Any, rows: int) -> list[Given]:
    """The columns of a result.

    A mapping, a frame, an Arrow table, a structured array and a list of mappings have names. A tuple of arrays is a
    column each; a list of lists, and an array of two dimensions, are rows.

    Raises:
        PredictionShape: it is nothing of the kind, or has another number of rows.
    """
    if _is_frame(result) or _is_series(result):
        _check_count(result, rows)
    columns = _columns(result)
    for column in columns:
        _check_count(column.values, rows)
    return columns


def _check_count(values: Any, rows: int) -> None:
    if len(values) != rows:
        raise PredictionShape(f"the model gives {len(values)} predictions for {rows} rows")


def _columns(result: Any) -> list[Given]:
    result = list(result) if isinstance(result, Iterator) else _dense(result)
    if _is_frame(result):
        return _frame_columns(result)
    if isinstance(result, pa.Table | pa.RecordBatch):
        return [Given(name, _one(result.column(at), name)) for at, name in enumerate(result.schema.names)]
    if isinstance(result, Mapping):
        return [Given(name, _one(values, name)) for name, values in result.items()]
    if isinstance(result, np.ndarray):
        return _array_columns(result)
    if isinstance(result, list | tuple) and any(_is_collection(each) for each in result):
        return _row_columns(result) if isinstance(result, list) else [Given(None, _one(each, None)) for each in result]
    return [Given(None, _one(result, None))]


def _frame_columns(frame: Any) -> list[Given]:
    names: list[Any] = list(frame.columns)
    numbered = names == list(range(len(names)))
    ordered = _in_rows_order(frame)
    return [Given(None if numbered else name, _one(ordered.iloc[:, at], name)) for at, name in enumerate(names)]


def _array_columns(array: Any) -> list[Given]:
    if array.dtype.names:
        return [Given(name, _one(array[name], name)) for name in array.dtype.names]
    if array.ndim == 2 and not _is_matrix(array):  # noqa: PLR2004
        return [Given(None, to_values(array[:, at])) for at in range(array.shape[1])]
    return [Given(None, _one(array, None))]


def _is_matrix(array: Any) -> bool:
    """Of NumPy's old kind, whose columns have two dimensions again."""
    return isinstance(array, np.matrix)


def _row_columns(rows: list[Any]) -> list[Given]:
    """Of a list with a mapping, a list or an array for each row."""
    if all(isinstance(row, Mapping) for row in rows):
        return _record_columns(rows)
    if all(isinstance(row, list | tuple) for row in rows):
        if len({len(row) for row in rows}) != 1:
            raise PredictionShape("the model gives lists of different lengths for different rows")
        return [Given(None, to_values([row[at] for row in rows])) for at in range(len(rows[0]))]
    if all(getattr(row, "size", None) == 1 for row in rows):
        return [Given(None, to_values([np.asarray(row).item() for row in rows]))]
    raise PredictionShape(
        "the model gives a list of arrays, which might be rows or columns: give one array, or a mapping of columns"
    )


def _record_columns(rows: list[Any]) -> list[Given]:
    names = list(rows[0])
    if any(set(row) != set(names) for row in rows):
        raise PredictionShape("the model gives mappings with different names for different rows")
    return [Given(name, to_values([row[name] for row in rows])) for name in names]


def _one(values: Any, name: Any) -> pa.Array:
    """One column's values, in the order of the rows."""
    if isinstance(values, pa.Array | pa.ChunkedArray):
        return to_values(values)
    if _is_series(values):
        return to_values(_in_rows_order(values))
    values = _dense(values)
    if isinstance(values, np.ndarray):
        return to_values(_flat(values))
    if _is_index(values):
        return to_values(values.to_series())
    if values is None or isinstance(values, _SCALARS) or not isinstance(values, Iterable):
        what = "nothing" if values is None else f"a single value of type {type(values).__name__}"
        raise PredictionShape(f"the model gives {what} where one value a row is expected{_of(name)}")
    if isinstance(values, AbstractSet):
        raise PredictionShape(f"the model gives a set, which has no order{_of(name)}: give a list")
    listed: list[Any] = list(values)
    if any(_is_collection(each) for each in listed):
        return _only(_row_columns(listed), name)
    return to_values(listed)


def _only(columns: Sequence[Given], name: Any) -> pa.Array:
    if len(columns) != 1:
        raise PredictionShape(f"the model gives {len(columns)} values a row{_of(name)}, where one is expected")
    return columns[0].values


def _dense(values: Any) -> Any:
    """Of a sparse matrix, what it stands for."""
    return values.toarray() if hasattr(values, "toarray") else values


def _flat(array: Any) -> Any:
    plain = np.asarray(array) if _is_matrix(array) else array
    if plain.ndim == 2 and plain.shape[1] == 1:  # noqa: PLR2004
        return plain[:, 0]
    if plain.ndim != 1:
        raise PredictionShape(f"the model gives an array of shape {plain.shape}")
    return plain


def _in_rows_order(labelled: Any) -> Any:
    """A series or frame whose labels are the batch's (0, 1, …), in their order.

    Raises:
        PredictionShape: it has labels of its own, so that nobody can say which row is whose.
    """
    index, rows = labelled.index, len(labelled)
    if index.nlevels == 1 and index.dtype.kind in "iu":
        labels = index.to_numpy()
        if np.array_equal(labels, np.arange(rows)):
            return labelled
        if index.name is None and np.array_equal(np.sort(labels), np.arange(rows)):
            return labelled.iloc[np.argsort(labels)]
    raise PredictionShape(
        "the model gives a result with an index of its own, not the batch's: give it in the order of the rows,"
        " with reset_index(drop=True) or as an array"
    )


def _is_collection(value: Any) -> bool:
    """Whether it holds values: a list, an array of one dimension or more, a mapping; no text."""
    if isinstance(value, _SCALARS):
        return False
    if isinstance(value, np.ndarray):
        return value.ndim > 0
    return isinstance(value, Collection | pa.Array | pa.ChunkedArray)


def _is_frame(value: Any) -> bool:
    return _is_of_pandas(value, "DataFrame")


def _is_series(value: Any) -> bool:
    return _is_of_pandas(value, "Series")


def _is_index(value: Any) -> bool:
    return _is_of_pandas(value, "Index")


def _is_of_pandas(value: Any, kind: str) -> bool:
    """Nobody has made one where pandas isn't there yet."""
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(value, getattr(pandas, kind))


def _of(name: Any) -> str:
    return "" if name is None else f" (column {name})"
