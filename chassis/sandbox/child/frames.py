"""Arrow columns as the matrices and frames that Python models take.

A frame holds what pandas' `read_parquet` and `read_csv` would have given for columns of the signature's types.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .compute import pc
from .conversion import Column

WHOLE_IN_DOUBLE: Final = 1 << 53


@dataclass(frozen=True)
class Look:
    """How a column stands in a frame.

    `optional`: values may be missing, so that whole numbers are floats and booleans objects, in every batch alike.
    `missing`: what stands for a missing text, boolean or bytes: NaN as from a CSV, or None as from parquet.
    `numeric`: booleans of which some may be missing are floats, for what takes no objects.
    `categories`: it is of pandas' type category, of these values and whatever else there is.
    """

    optional: bool = False
    missing: float | None = None
    numeric: bool = False
    categories: Sequence[Any] | None = None


def looks_of(inputs: Sequence[Column], *, text: bool) -> list[Look]:
    """As pandas reads them: `text` from a CSV, else from parquet."""
    return [Look(optional=not column.required, missing=np.nan if text else None) for column in inputs]


def to_matrix(columns: Sequence[pa.Array], dtype: npt.DTypeLike, *, order: str = "F") -> npt.NDArray[Any]:
    """Shape (rows, columns); nulls become NaN.

    Args:
        columns: numbers or booleans, all of one length, at least one.
        dtype: of the matrix; a floating one where a column has nulls.
        order: `F` for frames, whose columns are contiguous; `C` for runtimes that want rows.
    """
    rows = len(columns[0])
    matrix = np.empty((rows, len(columns)), dtype=dtype, order="C" if order == "C" else "F")
    for position, column in enumerate(columns):
        # Booleans with nulls would become objects.
        numbers = column.cast(pa.int8()) if pa.types.is_boolean(column.type) else column
        matrix[:, position] = numbers.to_numpy(zero_copy_only=False)
    return matrix


def to_frame(names: Sequence[str], columns: Sequence[pa.Array], looks: Sequence[Look] | None = None) -> Any:
    """A pandas frame; one block, which models read without a copy, where all columns are floats of one type.

    Args:
        names: of the columns; one may be there twice.
        columns: of the signature's types.
        looks: one a column; None: values may be missing, and a missing object is None.
    """
    import pandas as pd

    kinds = {column.type for column in columns}
    if len(kinds) == 1 and pa.types.is_floating(next(iter(kinds))) and not any(map(_is_category, looks or ())):
        matrix = to_matrix(columns, next(iter(kinds)).to_pandas_dtype())
        return pd.DataFrame(matrix, columns=pd.Index(names), copy=False)
    shown = looks or [Look(optional=True)] * len(columns)
    values = {at: _values(column, look) for at, (column, look) in enumerate(zip(columns, shown, strict=True))}
    frame = pd.DataFrame(values, copy=False)
    frame.columns = pd.Index(names)
    return frame


def _is_category(look: Look) -> bool:
    return look.categories is not None


def _values(column: pa.Array, look: Look) -> Any:
    """A column of the frame."""
    if look.categories is not None:
        return _category(column, look.categories)
    if pa.types.is_integer(column.type):
        return _whole_numbers(column) if look.optional else column.to_numpy(zero_copy_only=False)
    if pa.types.is_floating(column.type) or pa.types.is_timestamp(column.type):
        return column.to_numpy(zero_copy_only=False)
    if pa.types.is_boolean(column.type):
        if not look.optional:
            return column.to_numpy(zero_copy_only=False)
        if look.numeric:
            return column.cast(pa.int8()).to_numpy(zero_copy_only=False).astype(np.float64)
    objects = column.to_numpy(zero_copy_only=False).astype(object)
    if look.missing is not None and column.null_count:
        objects[column.is_null().to_numpy(zero_copy_only=False)] = look.missing
    return objects


def _whole_numbers(column: pa.Array) -> npt.NDArray[Any]:
    """Floats, as pandas has them where some are missing; but not where that would change one and none is missing."""
    numbers = column.to_numpy(zero_copy_only=False)
    if column.null_count == 0 and len(numbers) and max(-int(numbers.min()), int(numbers.max())) > WHOLE_IN_DOUBLE:
        return numbers
    return numbers.astype(np.float64)


def _category(column: pa.Array, known: Sequence[Any]) -> Any:
    """By value: the known ones first, then those that only the data have. What becomes of these is the library's."""
    import pandas as pd

    values = _values(column, Look(missing=np.nan))
    old = set(known)
    fresh = [each for each in pc.unique(column.drop_null()).to_pylist() if each not in old]
    return pd.Categorical(values, categories=[*known, *fresh])
