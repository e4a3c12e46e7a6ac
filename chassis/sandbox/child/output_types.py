"""Predictions in the types that the signature declares: a value is kept, or the whole result is refused."""

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import pyarrow as pa

from .compute import pc
from .conversion import Column
from .result_values import PredictionShape

_TWO_63: Final = float(2**63)


def as_given(values: pa.Array) -> pa.Array:
    """Where nothing is declared. Raises: PredictionShape, for what is no single value of the eight types."""
    kind = values.type
    if _is_number(kind) or pa.types.is_decimal(kind) or _is_time(kind) or _is_text(kind) or _is_binary(kind):
        return values
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return values
    raise PredictionShape(f"the model gives values of type {kind}, which are no prediction: declare its outputs")


def as_declared(values: pa.Array, column: Column) -> pa.Array:
    """`values` in the column's type.

    Numbers keep their value, but a float is rounded to the precision of `float`; a class label that is a number is a
    text as in the name of its probability; times are instants.

    Raises:
        PredictionShape: a value that can't be kept, or none where the output is required.
    """
    target = column.arrow_type
    if pa.types.is_null(values.type):
        converted = pa.nulls(len(values), target)
    elif values.type == target:
        converted = values
    else:
        convert = _converter(values.type, target)
        if convert is None:
            raise PredictionShape(f"{_said(column)}, and the model gives {values.type}")
        converted = convert(values, target)
        _check_kept(values, converted, column)
    if column.required and converted.null_count:
        raise PredictionShape(
            f"the output {column.name} is required in the signature, and the model gives no value",
            _first(pc.is_null(converted)),
        )
    return converted


def _check_kept(values: pa.Array, converted: pa.Array, column: Column) -> None:
    if converted.null_count == values.null_count:
        return
    lost = pc.and_(pc.is_null(converted), pc.invert(pc.is_null(values, nan_is_null=True)))
    if pc.any(lost).as_py():
        raise PredictionShape(f"{_said(column)}, and the model gives {values.type} that it can't hold", _first(lost))


def _said(column: Column) -> str:
    return f"the output {column.name} is of type {column.type} in the signature"


def _first(flags: pa.Array) -> int:
    return int(pc.index(flags, True).as_py())


def _converter(source: pa.DataType, target: pa.DataType) -> Callable[[pa.Array, pa.DataType], pa.Array] | None:
    """What makes the one of the other, null where a value isn't kept; None where nothing does."""
    numeric = _is_number(source) or pa.types.is_decimal(source) or pa.types.is_boolean(source)
    if _is_number(target):
        return _to_number if numeric else None
    if pa.types.is_boolean(target):
        return _to_boolean if numeric else None
    if pa.types.is_timestamp(target):
        return _to_instant if _is_time(source) else None
    if pa.types.is_binary(target):
        return _to_bytes if _is_binary(source) or _is_text(source) else None
    if _is_text(source) or _is_binary(source):
        return _to_text
    return _to_label if _is_number(source) or pa.types.is_boolean(source) else None


def _to_number(values: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(values.type):
        return values.cast(pa.int8()).cast(target)
    if pa.types.is_decimal(values.type):
        return _from_decimals(values, target)
    if pa.types.is_floating(values.type) and pa.types.is_floating(target):
        return _narrowed(values, target)
    if pa.types.is_floating(values.type):
        inside = _where(values, pc.and_(pc.greater_equal(values, -_TWO_63), pc.less(values, _TWO_63)))
        whole = inside.cast(pa.int64(), safe=False)
        return _in_range(_where(whole, pc.equal(whole.cast(values.type, safe=False), inside)), target)
    if pa.types.is_integer(target):
        return _in_range(values, target)
    return _as_floats(values, target)


def _narrowed(values: pa.Array, target: pa.DataType) -> pa.Array:
    """Rounded; what becomes infinite that wasn't isn't kept."""
    rounded = values.cast(target, safe=False)
    return _where(rounded, pc.or_(pc.invert(pc.is_inf(rounded)), pc.is_inf(values)))


def _as_floats(values: pa.Array, target: pa.DataType) -> pa.Array:
    """Of whole numbers, those that a float of this type can be."""
    floats = values.cast(target, safe=False)
    limit = 2.0**64 if pa.types.is_unsigned_integer(values.type) else _TWO_63
    inside = _where(floats, pc.less(floats, limit))
    return _where(inside, pc.equal(inside.cast(values.type, safe=False), values))


def _in_range(values: pa.Array, target: pa.DataType) -> pa.Array:
    """Whole numbers of a type that may hold larger ones."""
    limits = np.iinfo(target.to_pandas_dtype())
    own = np.iinfo(values.type.to_pandas_dtype())
    low, high = max(limits.min, own.min), min(limits.max, own.max)
    scalars = pa.scalar(low, values.type), pa.scalar(high, values.type)
    inside = pc.and_(pc.greater_equal(values, scalars[0]), pc.less_equal(values, scalars[1]))
    return _where(values, inside).cast(target)


def _from_decimals(values: pa.Array, target: pa.DataType) -> pa.Array:
    listed: list[Any] = values.to_pylist()
    if pa.types.is_floating(target):
        return _narrowed(pa.array([None if each is None else float(each) for each in listed], pa.float64()), target)
    limits = np.iinfo(target.to_pandas_dtype())
    kept = (None if each is None or each % 1 or not limits.min <= each <= limits.max else int(each) for each in listed)
    return pa.array(list(kept), target)


def _to_boolean(values: pa.Array, target: pa.DataType) -> pa.Array:
    numbers = _to_number(values, pa.int64())
    return _where(numbers, pc.or_(pc.equal(numbers, 0), pc.equal(numbers, 1))).cast(target)


def _to_instant(values: pa.Array, target: pa.DataType) -> pa.Array:
    moments = values.cast(pa.timestamp("ms")) if pa.types.is_date(values.type) else values
    unit = pa.timestamp(moments.type.unit)
    plain = moments.cast(unit)
    converted = plain.cast(target, safe=False)
    return _where(converted, pc.equal(converted.cast(unit, safe=False), plain))


def _to_bytes(values: pa.Array, target: pa.DataType) -> pa.Array:
    return values.cast(target)


def _to_text(values: pa.Array, target: pa.DataType) -> pa.Array:
    try:
        return values.cast(target)
    except pa.ArrowInvalid:
        return pa.array([_decoded(each) for each in values.to_pylist()], target)


def _decoded(raw: bytes | None) -> str | None:
    try:
        return None if raw is None else raw.decode()
    except UnicodeDecodeError:
        return None


def _to_label(values: pa.Array, target: pa.DataType) -> pa.Array:
    distinct = pc.unique(values)
    # A list would hold a float32 as a longer float64.
    labels = distinct.to_numpy(zero_copy_only=False) if pa.types.is_floating(values.type) else distinct.to_pylist()
    texts = pa.array([label_text(each) for each in labels], target)
    return texts.take(pc.index_in(values, distinct))


def label_text(label: Any) -> str | None:
    """A class as in the name of its probability: 5.0 of any precision is `5`; None where there is none."""
    if label is None or (isinstance(label, float | np.floating) and np.isnan(label)):
        return None
    if isinstance(label, float | np.floating) and float(label).is_integer():
        return str(int(label))
    return label.decode() if isinstance(label, bytes) else str(label)


def _where(values: pa.Array, kept: pa.Array) -> pa.Array:
    if pc.all(kept).as_py() is not False:
        return values
    return pc.if_else(kept, values, pa.scalar(None, values.type))


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _is_time(kind: pa.DataType) -> bool:
    return pa.types.is_timestamp(kind) or pa.types.is_date(kind)


def _is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def _is_binary(kind: pa.DataType) -> bool:
    return (
        pa.types.is_binary(kind)
        or pa.types.is_large_binary(kind)
        or pa.types.is_fixed_size_binary(kind)
        or pa.types.is_binary_view(kind)
    )
