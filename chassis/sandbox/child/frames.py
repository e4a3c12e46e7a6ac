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
    `complete`: what takes it takes no missing or infinite value.
    `categories`: it is of pandas' type category, of these values and whatever else there is.
    """

    optional: bool = False
    missing: float | None = None
    numeric: bool = False
    categories: Sequence[Any] | None = None
    complete: bool = False


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
        names: of the columns.
        columns: of the signature's types.
        looks: one a column; None: values may be missing, and a missing object is None.
    """
    import pandas as pd

    shown = looks or [Look(optional=True)] * len(columns)
    read = [_as_read(column, look) for column, look in zip(columns, shown, strict=True)]
    kinds = {column.type for column in read}
    if len(kinds) == 1 and pa.types.is_floating(next(iter(kinds))) and not any(map(_is_category, shown)):
        matrix = to_matrix(read, next(iter(kinds)).to_pandas_dtype())
        return pd.DataFrame(matrix, columns=pd.Index(names), copy=False)
    frame = pa.table(read, names=list(names)).to_pandas()
    for name, column, look in zip(names, read, shown, strict=True):
        values = frame[name].to_numpy()
        if (own := _instead(column, look, values)) is not None:
            frame[name] = own
    return frame


def _is_category(look: Look) -> bool:
    return look.categories is not None


def _as_read(column: pa.Array, look: Look) -> pa.Array:
    """Of the type that pandas has for it, where some of its values may be missing."""
    if not look.optional or _is_category(look):
        return column
    if pa.types.is_integer(column.type):
        return column if _has_no_floats(column) else column.cast(pa.float64(), safe=False)
    return column.cast(pa.int8()).cast(pa.float64()) if pa.types.is_boolean(column.type) and look.numeric else column


def _has_no_floats(column: pa.Array) -> bool:
    """Whether none is missing, and floats would change one."""
    if column.null_count or not len(column):
        return False
    ends = pc.min_max(column).as_py()
    return max(-ends["min"], ends["max"]) > WHOLE_IN_DOUBLE


def _instead(column: pa.Array, look: Look, values: npt.NDArray[Any]) -> Any:
    """What stands in the frame for what Arrow made of a column (`values`); None: that is right."""
    if look.categories is not None:
        return _category(column, look.categories, values)
    if values.dtype == np.bool_ and look.optional:
        return values.astype(object)
    if values.dtype == object and look.missing is not None and column.null_count:
        return np.where(column.is_null().to_numpy(zero_copy_only=False), look.missing, values)
    # A model may change its frame, and Arrow's own memory must not.
    return None if values.flags.writeable else values.copy()


def _category(column: pa.Array, known: Sequence[Any], values: npt.NDArray[Any]) -> Any:
    """By value: the known ones first, then those that only the data have. What becomes of these is the library's."""
    import pandas as pd

    old = set(known)
    fresh = [each for each in pc.unique(column.drop_null()).to_pylist() if each not in old]
    return pd.Categorical(values, categories=[*known, *fresh])
