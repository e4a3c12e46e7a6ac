"""Text as it stands in a CSV, read as a type: a column at once, or value by value where one is odd.

The same text is the same value whatever stands beside it: what the vectorized way reads otherwise than the careful one
is kept from it.
"""

import contextlib
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import numpy as np
import pyarrow as pa

from .compute import pc

MISSING: Final = frozenset(
    {"", "#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND", "1.#QNAN", "<NA>", "N/A", "NA"}
    | {"NULL", "NaN", "None", "n/a", "nan", "null"}
)
"""What `read_csv` of pandas takes for missing, quoted or not."""
_WORDS: Final = pa.array(sorted(MISSING))
_TIME_WORDS: Final = pa.array(sorted(MISSING | {"NaT"}))
TRUE, FALSE = ("true", "t", "yes", "1"), ("false", "f", "no", "0")
NUMBER: Final = r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?"
THOUSANDS: Final = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.000)+")
"""Written by Europeans, these are whole thousands; `2.000` of others is 2."""
_DATE: Final = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}"
_TIME: Final = r"[T ][0-9]{2}(?::[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)?)?"
_ZONE: Final = r"(?:Z|[+-][0-9]{2}(?::?[0-9]{2})?)"
_INFINITE: Final = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)
_COMPACT: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_MOMENT: Final = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2})(?::([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?)?(Z|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_NS: Final = 1_000_000_000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def parse_text(values: pa.Array, target: pa.DataType) -> tuple[pa.Array, pa.Array | None]:
    """`values` (strings) as `target`, null where a text is no such value or its value wouldn't be kept.

    Returns:
        The values, and where a text says that its value is missing (None: nowhere). Around all but texts, blanks don't
        count.
    """
    if pa.types.is_string(target) or pa.types.is_binary(target):
        missing = pc.is_in(values, value_set=_WORDS)
        if not pc.any(missing).as_py():
            return values.cast(target), None
        return pc.if_else(missing, pa.scalar(None, values.type), values).cast(target), missing
    quick = _quickly(values, target)
    if quick is not None:
        return quick, None
    trimmed = pc.utf8_trim_whitespace(values)
    missing = pc.is_in(trimmed, value_set=_TIME_WORDS if pa.types.is_timestamp(target) else _WORDS)
    present = pc.if_else(missing, pa.scalar(None, trimmed.type), trimmed)
    quick = _quickly(present, target)
    return (_carefully(present, target) if quick is None else quick), missing


def _quickly(values: pa.Array, target: pa.DataType) -> pa.Array | None:
    """All of them at once; None where one can't be read so."""
    if pa.types.is_boolean(target) or (pa.types.is_integer(target) and _holds_letter_x(values)):
        return None
    with contextlib.suppress(pa.ArrowInvalid):
        if not pa.types.is_floating(target):
            return values.cast(target)
        numbers = _narrow(values.cast(pa.float64()), target)
        return numbers if pc.all(pc.is_finite(numbers)).as_py() in (True, None) else None
    return None


def _holds_letter_x(values: pa.Array) -> bool:
    """Arrow takes `0x1F` for a number."""
    offsets = np.frombuffer(values.buffers()[1], dtype=np.int32)[values.offset : values.offset + len(values) + 1]
    data = values.buffers()[2]
    if data is None or not len(values):
        return False
    text = np.frombuffer(data, dtype=np.uint8)[offsets[0] : offsets[-1]]
    return bool(((text | 32) == ord("x")).any())


def _narrow(numbers: pa.Array, target: pa.DataType) -> pa.Array:
    """By way of a double, as pandas and NumPy do it."""
    return numbers if numbers.type == target else numbers.cast(target, safe=False)


def _carefully(values: pa.Array, target: pa.DataType) -> pa.Array:
    if pa.types.is_boolean(target):
        return _booleans(values)
    if pa.types.is_timestamp(target):
        values = pc.replace_substring_regex(values, f"^{_COMPACT.pattern}$", r"\1-\2-\3")
        zoned = _some(values, f"{_DATE}{_TIME}{_ZONE}$", pa.timestamp("ns", "UTC")).cast(target)
        plain = _some(values, f"{_DATE}(?:{_TIME})?$", target)
        return _others(values, pc.coalesce(plain, zoned), _nanoseconds)
    if pa.types.is_integer(target):
        return _integers(values, target)
    numbers = _some(values, f"^{NUMBER}$", pa.float64())
    narrow = _narrow(pc.if_else(pc.is_inf(numbers), pa.scalar(None, numbers.type), numbers), target)
    finite = pc.if_else(pc.is_inf(narrow), pa.scalar(None, narrow.type), narrow)
    return _others(values, finite, _infinite)


def _integers(values: pa.Array, target: pa.DataType) -> pa.Array:
    limit = 1 << (target.bit_width - 1)
    certain = len(str(limit)) - 1
    return _others(values, _some(values, f"^-?[0-9]{{1,{certain}}}$", target), _integer(limit))


def _booleans(values: pa.Array) -> pa.Array:
    lower = pc.utf8_lower(values)
    true, false = (pc.is_in(lower, value_set=pa.array(words)) for words in (TRUE, FALSE))
    return pc.if_else(pc.or_(true, false), true, pa.scalar(None, pa.bool_()))


def _some(values: pa.Array, pattern: str, target: pa.DataType) -> pa.Array:
    """Those that are written so; null where that is no value, after all, and all where one of them is none."""
    matched = pc.match_substring_regex(values, pattern)
    with contextlib.suppress(pa.ArrowInvalid):
        return pc.if_else(matched, values, pa.scalar(None, values.type)).cast(target)
    return pa.nulls(len(values), target)


def _others(values: pa.Array, parsed: pa.Array, parse: Callable[[str], Any]) -> pa.Array:
    """`parsed`, and what `parse` makes of the texts that are null there."""
    left = pc.and_(pc.is_valid(values), pc.is_null(parsed))
    if not pc.any(left).as_py():
        return parsed
    found = [parse(text) for text in values.filter(left).to_pylist()]
    return pc.replace_with_mask(parsed, left, pa.array(found, parsed.type))


def _integer(limit: int) -> Callable[[str], int | None]:
    number, digits = re.compile(NUMBER), len(str(limit))

    def parse(text: str) -> int | None:
        if not number.fullmatch(text) or THOUSANDS.fullmatch(text):
            return None
        value = Decimal(text)
        if value.adjusted() > digits or value != value.to_integral_value():
            return None
        return int(value) if -limit <= value < limit else None

    return parse


def _infinite(text: str) -> float | None:
    return float(text) if _INFINITE.fullmatch(text) else None


def _nanoseconds(text: str) -> int | None:
    """Since the epoch; a time without a zone is UTC."""
    found = _MOMENT.fullmatch(text)
    if not found:
        return None
    *fields, fraction, zone = found.groups()
    with contextlib.suppress(ValueError, OverflowError):
        moment = datetime(*(int(each or 0) for each in fields), tzinfo=UTC)  # pyright: ignore[reportArgumentType]
        since = moment - _EPOCH - _offset(zone)
        seconds = since.days * 86_400 + since.seconds
        nanoseconds = seconds * _NS + int((fraction or "").ljust(9, "0"))
        return nanoseconds if -(1 << 63) < nanoseconds < 1 << 63 else None
    return None


def _offset(zone: str | None) -> timedelta:
    """Raises ValueError: there is no such zone."""
    if zone is None or zone == "Z":
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[3:].lstrip(":") or 0)
    if hours > 23 or minutes > 59:  # noqa: PLR2004
        raise ValueError(zone)
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)
