"""What a model gave back, as named columns of one row per row scored."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .conversion import Column

PREDICTION = "prediction"


class PredictionShape(Exception):
    """The predictions don't fit the rows or the signature's outputs."""


def to_table(result: Any, outputs: Sequence[Column], rows: int) -> pa.Table:
    """Predictions as a table.

    Args:
        result: an array of shape (rows,) or (rows, k), or a mapping or frame of such arrays by name.
        outputs: the signature's; empty for one column named `prediction`, typed as the model gives it.
        rows: how many rows were scored.

    Raises:
        PredictionShape: another number of rows or columns, or values that aren't of the declared type.
    """
    arrays = _by_name(result, outputs) if _is_mapping(result) else _by_position(np.asarray(result))
    names = [column.name for column in outputs] or [PREDICTION]
    if len(arrays) != len(names):
        raise PredictionShape(
            f"the model gives {len(arrays)} columns, and {len(names)} are expected: {', '.join(names)}"
        )
    for array in arrays:
        if len(array) != rows:
            raise PredictionShape(f"the model gives {len(array)} predictions for {rows} rows")
    if not outputs:
        return pa.table([_arrow(arrays[0], None)], names=names)
    return pa.table(
        [_arrow(array, column) for array, column in zip(arrays, outputs, strict=True)],
        schema=pa.schema([(column.name, column.arrow_type) for column in outputs]),
    )


def _is_mapping(result: Any) -> bool:
    return isinstance(result, Mapping) or hasattr(result, "columns")


def _by_name(result: Any, outputs: Sequence[Column]) -> list[npt.NDArray[Any]]:
    names = [column.name for column in outputs]
    present = list(result.keys())
    chosen = names if names and all(name in present for name in names) else present
    return [_flat(np.asarray(result[name])) for name in chosen]


def _by_position(array: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    if array.ndim == 2:  # noqa: PLR2004
        return [np.ascontiguousarray(array[:, i]) for i in range(array.shape[1])]
    return [_flat(array)]


def _flat(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    if array.ndim == 2 and array.shape[1] == 1:  # noqa: PLR2004
        return array[:, 0]
    if array.ndim != 1:
        raise PredictionShape(f"the model gives an array of shape {array.shape}")
    return array


def _arrow(array: npt.NDArray[Any], column: Column | None) -> pa.Array:
    wanted = None if column is None else column.arrow_type
    try:
        values = pa.array(np.ascontiguousarray(array), from_pandas=False)
        return values if wanted is None else values.cast(wanted, safe=not pa.types.is_floating(wanted))
    except (pa.ArrowException, TypeError, ValueError) as error:
        what = f"the output {column.name} is of type {column.type} in the signature" if column else PREDICTION
        raise PredictionShape(f"{what}, and the model gives {array.dtype}: {error}") from error
