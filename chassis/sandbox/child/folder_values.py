"""The value that a folder says, as a column of its object's rows."""

from typing import Final

import numpy as np
import pyarrow as pa

from .text import parse_text


class FoldersUnfit(ValueError):
    """Folders whose columns or values can't be told; `str()` of it says which and why."""


def column_of(name: str, value: str | None, kind: pa.DataType, rows: int) -> pa.Array:
    """The same value in every row.

    Raises:
        FoldersUnfit: it is no value of the type that the files have for this column.
    """
    if value is None:
        return pa.nulls(rows, kind)
    one = _as(name, pa.array([value], pa.string()), kind)
    return one.take(pa.array(np.zeros(rows, dtype=np.int64)))


def _as(name: str, one: pa.Array, kind: pa.DataType) -> pa.Array:
    """Numbers, times and booleans as a CSV's texts are read, all else as Arrow does; a word for no value is a text."""
    try:
        parsed = _parsed_as(kind)
        value = one.cast(kind) if parsed is None else parse_text(one, parsed)[0].cast(kind)
    except (pa.ArrowException, OverflowError) as error:
        raise FoldersUnfit(_no_value(name, kind)) from error
    if value.null_count:
        raise FoldersUnfit(_no_value(name, kind))
    return value


def _parsed_as(kind: pa.DataType) -> pa.DataType | None:
    """What texts are read as on the way to this type; None where that is Arrow's own doing."""
    if pa.types.is_timestamp(kind):
        return pa.timestamp("ns")
    if pa.types.is_integer(kind) and kind != pa.uint64():
        return pa.int64()
    return pa.float64() if kind == pa.float16() else kind if kind in _PARSED else None


def _no_value(name: str, kind: pa.DataType) -> str:
    return f"its folder says no value of the type {kind}, which the files have, for the column {name}"


_PARSED: Final = (pa.bool_(), pa.uint64(), pa.float32(), pa.float64())
