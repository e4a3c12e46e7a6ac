"""Values of one Arrow type as another: each is kept, or becomes null. What is of another family is null altogether."""

import contextlib
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa

from .compute import pc

INT96: Final = pa.struct([("seconds", pa.timestamp("s")), ("nanoseconds", pa.int32())])
"""Times of parquet's INT96 that no other type holds all of; the nanoseconds are those beyond the second."""
_NAMED: Final = {"arrow.json", "arrow.uuid"}
_EXACT_DIGITS: Final = {64: 15, 32: 6}
"""Of a decimal that any float of so many bits gives back; by the float's bits."""
_SMALL: Final = 37
_NS: Final = 10**9


def decoded(values: pa.Array) -> pa.Array:
    """The values themselves, whether they are stored in a dictionary or have a name of Arrow's (JSON, UUID)."""
    if pa.types.is_dictionary(values.type):
        return decoded(values.dictionary_decode())
    if isinstance(values, pa.ExtensionArray) and values.type.extension_name in _NAMED:
        return values.storage
    return values


def cast(values: pa.Array, target: pa.DataType) -> pa.Array:
    """Numbers keep their value (but a wider float rounds to a narrower one's precision), else become null.

    Times without a zone are taken as UTC; bytes are text where they are UTF-8.
    """
    source = values.type
    if source == target and (pa.types.is_primitive(target) and not pa.types.is_timestamp(target)):
        return values
    if pa.types.is_string(target) and (is_text(source) or is_bytes(source)):
        return _text(values)
    if pa.types.is_timestamp(target) and (pa.types.is_temporal(source) or source == INT96):
        return _moments(values, target)
    if pa.types.is_binary(target) and (is_bytes(source) or pa.types.is_fixed_size_binary(source)):
        return values.cast(target)
    if is_number(source) and is_number(target):
        return _number(values.cast(pa.float32()) if pa.types.is_float16(source) else values, target)
    return pa.nulls(len(values), target)


def is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def is_text(kind: pa.DataType) -> bool:
    return pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)


def is_bytes(kind: pa.DataType) -> bool:
    """Of any length: writers of old left it open whether these are text."""
    return pa.types.is_binary(kind) or pa.types.is_large_binary(kind) or pa.types.is_binary_view(kind)


def _text(values: pa.Array) -> pa.Array:
    """Nobody has looked so far whether the bytes of a text are UTF-8."""
    with contextlib.suppress(pa.ArrowInvalid):
        texts = values.cast(pa.string())
        texts.validate(full=True)
        return texts
    return pa.array([_utf_8(each) for each in values.cast(pa.binary()).to_pylist()], pa.string())


def _utf_8(data: bytes | None) -> str | None:
    with contextlib.suppress(UnicodeDecodeError):
        return None if data is None else data.decode()
    return None


def _moments(values: pa.Array, target: pa.DataType) -> pa.Array:
    if values.type == INT96:
        return _without(*_joined(values, target))
    if not (pa.types.is_timestamp(values.type) or pa.types.is_date(values.type)):
        return pa.nulls(len(values), target)
    moments = values if values.type == target else _where_kept(values, values.cast(target, safe=False))
    # NumPy and pandas have no other sign for a missing time.
    return _without(moments, pc.equal(moments.cast(pa.int64()), -(1 << 63)))


def _joined(values: pa.Array, target: pa.DataType) -> tuple[pa.Array, pa.Array]:
    """Seconds and nanoseconds as one, and where that doesn't hold them."""
    seconds, more = (pc.struct_field(values, name).cast(pa.int64()) for name in ("seconds", "nanoseconds"))
    past = pc.less(seconds, 0)
    # The earliest moments are before the earliest whole second: they are reached from the next one.
    seconds, more = pc.if_else(past, pc.add(seconds, 1), seconds), pc.if_else(past, pc.subtract(more, _NS), more)
    whole = _moments(seconds.cast(pa.timestamp("s")), target)
    found = pc.add(whole.cast(pa.int64()), more).cast(target)
    overflown = pc.if_else(past, pc.greater_equal(found, whole), pc.less(found, whole))
    return found, pc.or_(overflown, pc.equal(found.cast(pa.int64()), -(1 << 63)))


def _number(values: pa.Array, target: pa.DataType) -> pa.Array:
    source = values.type
    if pa.types.is_decimal(source):
        return _decimal_to_float(values, target) if pa.types.is_floating(target) else _decimal_to_int(values, target)
    if pa.types.is_floating(source) and pa.types.is_floating(target):
        narrow = values.cast(target, safe=False)
        return _without(narrow, pc.and_(pc.is_inf(narrow), pc.invert(pc.is_inf(values))))
    if pa.types.is_floating(source):
        limit = float(1 << (target.bit_width - 1))
        return _where_kept(values, _within(values, -limit, limit).cast(target, safe=False))
    with contextlib.suppress(pa.ArrowInvalid):
        return values.cast(target)
    if pa.types.is_integer(target):
        return _within(values.cast(pa.decimal128(20)), *_bounds(target)).cast(target)
    low, high = (float(bound) for bound in _bounds(source))
    return _where_kept(values, _within(values.cast(target, safe=False), low, high))


def _bounds(kind: pa.DataType) -> tuple[Decimal, Decimal]:
    """An integer's: the lowest value, and what is one too high."""
    if pa.types.is_unsigned_integer(kind):
        return Decimal(0), Decimal(1 << kind.bit_width)
    limit = Decimal(1 << (kind.bit_width - 1))
    return -limit, limit


def _decimal_to_int(values: pa.Array, target: pa.DataType) -> pa.Array:
    with contextlib.suppress(pa.ArrowInvalid):
        return values.cast(target)
    low, high = _bounds(target)
    whole = (None if each is None or not low <= each < high or each % 1 else int(each) for each in _decimals(values))
    return pa.array(whole, target)


def _decimal_to_float(values: pa.Array, target: pa.DataType) -> pa.Array:
    """The nearest float, where its own digits are the decimal's; Arrow's cast makes 0.3 to 0.30000000000000004."""
    texts = values.cast(pa.string())
    floats = texts.cast(target)
    uncertain = _uncertain(values, texts, target.bit_width)
    if uncertain is None:
        return floats
    pairs = zip(_decimals(values.filter(uncertain)), floats.filter(uncertain).to_numpy(), strict=True)
    found = [number if Decimal(_shortest(number)) == exact else None for exact, number in pairs]
    return pc.replace_with_mask(floats, uncertain.fill_null(False), pa.array(found, target, from_pandas=False))


def _uncertain(values: pa.Array, texts: pa.Array, bits: int) -> pa.Array | None:
    """Decimals of so many digits that a float may have others; None: none."""
    kind, digits = values.type, _EXACT_DIGITS[bits]
    if bits == 32 and max(kind.scale, kind.precision - kind.scale) > _SMALL:  # noqa: PLR2004
        return pc.is_valid(texts)
    if kind.precision <= digits:
        return None
    if kind.bit_width > 64:  # noqa: PLR2004
        least = pa.scalar(Decimal((0, (1,), digits - kind.scale)), kind)
        if not pc.any(pc.greater_equal(pc.abs(values), least)).as_py():
            return None
    significant = pc.utf8_trim(pc.replace_substring(texts, ".", ""), "-0")
    many = pc.greater(pc.utf8_length(significant), digits)
    return many if pc.any(many).as_py() else None


def _shortest(number: Any) -> str:
    """The fewest digits that say a float."""
    return np.format_float_scientific(number, unique=True, trim="-")


def _decimals(values: pa.Array) -> list[Any]:
    return values.to_pylist()


def _within(values: pa.Array, low: object, high: object) -> pa.Array:
    """Nulls outside of low <= value < high, where a cast would be undefined."""
    inside = pc.and_(pc.greater_equal(values, low), pc.less(values, high))
    return values if pc.all(inside).as_py() else pc.if_else(inside, values, pa.scalar(None, values.type))


def _where_kept(values: pa.Array, converted: pa.Array) -> pa.Array:
    """Nulls where the way there and back again doesn't end at the same value."""
    kept = pc.equal(converted.cast(values.type, safe=False), values)
    if kept.null_count == values.null_count and pc.all(kept).as_py() is not False:
        return converted
    return pc.if_else(kept, converted, pa.scalar(None, converted.type))


def _without(values: pa.Array, bad: pa.Array) -> pa.Array:
    return pc.if_else(bad, pa.scalar(None, values.type), values) if pc.any(bad).as_py() else values
