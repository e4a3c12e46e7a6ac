"""Text as it stands in a CSV, read as a type: a column at once, or value by value where one is odd."""

import contextlib
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from .compute import pc

_EXACT = float(2**53)
_TRUE, _FALSE = frozenset({"true", "t", "yes", "1"}), frozenset({"false", "f", "no", "0"})
_NS = 1_000_000_000
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_text(values: pa.Array, target: pa.DataType) -> pa.Array:
    """`values` (strings) as `target`; null where a text is no such value or its value wouldn't be kept."""
    if pa.types.is_string(target):
        return values
    if pa.types.is_binary(target):
        return values.cast(target)
    with contextlib.suppress(pa.ArrowInvalid):
        return _finite(values.cast(target), values)
    if pa.types.is_integer(target):
        with contextlib.suppress(pa.ArrowInvalid):
            return _whole(values.cast(pa.float64()), target)
    parse = _parser(target)
    return pa.array([None if value is None else parse(value) for value in values.to_pylist()], target)


def _finite(parsed: pa.Array, values: pa.Array) -> pa.Array:
    """A number too large for its type is no infinity, unless the text says so."""
    if not pa.types.is_floating(parsed.type):
        return parsed
    infinite = pc.is_inf(parsed)
    if not pc.any(infinite).as_py():
        return parsed
    named = pc.match_substring(values, "inf", ignore_case=True)
    return pc.if_else(pc.and_(infinite, pc.invert(named)), pa.scalar(None, parsed.type), parsed)


def _whole(numbers: pa.Array, target: pa.DataType) -> pa.Array:
    """`3.0` is 3. Raises where a number isn't safely whole, so that each value is looked at alone."""
    if pc.any(pc.greater(pc.abs(numbers), _EXACT)).as_py():
        raise pa.ArrowInvalid("beyond exact doubles")
    return numbers.cast(target)


def _parser(target: pa.DataType) -> Callable[[str], Any]:
    if pa.types.is_boolean(target):
        return _boolean
    if pa.types.is_integer(target):
        limit = 1 << (target.bit_width - 1)
        return lambda text: _integer(text, limit)
    if pa.types.is_floating(target):
        largest = 3.4028235677973366e38 if target.bit_width == 32 else float("inf")  # noqa: PLR2004
        return lambda text: _float(text, largest)
    return _datetime


def _boolean(text: str) -> bool | None:
    word = text.strip().lower()
    return True if word in _TRUE else False if word in _FALSE else None


def _integer(text: str, limit: int) -> int | None:
    number = _exact_integer(text)
    return number if number is not None and -limit <= number < limit else None


def _exact_integer(text: str) -> int | None:
    if "_" in text:
        return None
    with contextlib.suppress(ValueError):
        return int(text)
    with contextlib.suppress(ValueError, OverflowError):
        number = float(text)
        return int(number) if number.is_integer() and abs(number) <= _EXACT else None
    return None


def _float(text: str, largest: float) -> float | None:
    if "_" in text:
        return None
    with contextlib.suppress(ValueError):
        number = float(text)
        overflown = abs(number) >= largest and "inf" not in text.lower()
        return None if overflown else number
    return None


def _datetime(text: str) -> int | None:
    """Nanoseconds since the epoch; a time without a zone is UTC."""
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime.fromisoformat(text.strip())
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        since = aware.astimezone(UTC) - _EPOCH
        nanoseconds = (since.days * 86_400 + since.seconds) * _NS + since.microseconds * 1_000
        return nanoseconds if abs(nanoseconds) < 1 << 63 else None
    return None
