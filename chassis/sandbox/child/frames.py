"""Arrow columns as the matrices and frames that Python models take."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa


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
        matrix[:, position] = column.to_numpy(zero_copy_only=False)
    return matrix


def to_frame(names: Sequence[str], columns: Sequence[pa.Array]) -> Any:
    """A pandas frame; one block, which models read without a copy, where all columns are floats of one type."""
    import pandas as pd

    kinds = {column.type for column in columns}
    if len(kinds) == 1 and pa.types.is_floating(next(iter(kinds))):
        matrix = to_matrix(columns, next(iter(kinds)).to_pandas_dtype())
        return pd.DataFrame(matrix, columns=pd.Index(names), copy=False)
    return pa.table(list(columns), names=list(names)).to_pandas()
