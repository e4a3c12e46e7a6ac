"""Every type that parquet has, with values at its edges, as its files hold them and as what they mean."""

import struct
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any, Final

from tests.models.parquet_files import (
    BOOLEAN,
    BYTE_ARRAY,
    DOUBLE,
    FIXED,
    FLOAT,
    INT32,
    INT64,
    INT96,
    Leaf,
    Thrift,
    logical,
)


@dataclass(frozen=True)
class Moment:
    """Nanoseconds since 1970, however many."""

    nanoseconds: int


@dataclass(frozen=True)
class Opaque:
    """What no signature has a type for."""

    raw: Any


class Fixed(bytes):
    """Bytes whose length their type says."""


@dataclass(frozen=True)
class Source:
    """A column as a file holds it. `row` is its line in the documents; `means` says what each value is."""

    row: str
    leaf: Leaf
    means: tuple[Any, ...]

    def __str__(self) -> str:
        leaf = self.leaf
        said = leaf.converted or ("logical" if leaf.logical else "plain")
        return f"{self.row}/{leaf.physical}/{said}/{leaf.precision}/{leaf.length}".replace(" ", "_")


_NS: Final = 10**9
_DAY: Final = 86_400 * _NS
_UNITS: Final = {"ms": 10**6, "us": 10**3, "ns": 1}
_EPOCH_DAY: Final = 2_440_588


def sources() -> list[Source]:
    return [*_simple(), *_integers(), *_decimals(), *_times(), *_bytes()]


def _source(
    row: str, physical: int, raw: Sequence[Any], means: Callable[[Any], Any], *, length: int | None = None, **said: Any
) -> Source:
    values = [*raw, None]
    leaf = Leaf("x", physical, values, length=length, **said)
    return Source(row, leaf, tuple(None if value is None else means(value) for value in values))


def _simple() -> Iterator[Source]:
    yield _source("BOOLEAN", BOOLEAN, [True, False], bool)
    floats = [0.0, -0.0, 1.0, 0.5, -2.5, 1e6, 2.0**31, 2.0**63, -(2.0**63), 3.4e38, 1.5e-40]
    odd = [float("nan"), float("inf"), float("-inf")]
    single = [struct.unpack("<f", struct.pack("<f", each))[0] for each in floats]
    yield _source("FLOAT", FLOAT, [*single, 16777216.0, *odd], float)
    yield _source("DOUBLE", DOUBLE, [*floats, 0.1, 2.0**53, 1e300, 5e-324, 2.0**31 - 1, *odd], float)
    half = [0.5, -2.0, 65504.0, 6e-8, 0.0, *odd]
    packed = [struct.pack("<e", each) for each in half]
    unpack: Callable[[bytes], float] = lambda raw: struct.unpack("<e", raw)[0]  # noqa: E731
    yield _source("FLOAT16", FIXED, packed, unpack, length=2, logical=logical("FLOAT16"))
    for physical in (INT32, INT64, BYTE_ARRAY, DOUBLE):
        yield Source("nothing but nulls", Leaf("x", physical, [None] * 3, logical=logical("UNKNOWN")), (None,) * 3)
    yield _source("TIME", INT32, [0, 86_399_999], Opaque, converted="TIME_MILLIS")
    yield _source("TIME", INT64, [0, 86_399_999_999], Opaque, converted="TIME_MICROS")
    for unit, physical in (("ms", INT32), ("us", INT64), ("ns", INT64)):
        for utc in (True, False):
            yield _source("TIME", physical, [0, 5], Opaque, logical=logical("TIME", unit=unit, utc=utc))


def _integers() -> Iterator[Source]:
    for bits in (8, 16, 32, 64):
        physical, width = (INT64, 64) if bits == 64 else (INT32, 32)
        for signed in (True, False):
            low, high = (-(1 << bits - 1), (1 << bits - 1) - 1) if signed else (0, (1 << bits) - 1)
            edges = [low, high, 0, 1, low + 1, high - 1, *_between(low, high)]
            raw = [each - (1 << width) if each >= 1 << width - 1 else each for each in edges]
            means = dict(zip(raw, edges, strict=True))
            row = f"{'' if signed else 'U'}INT_{bits}"
            yield _source(row, physical, raw, means.__getitem__, converted=row)
            yield _source(row, physical, raw, means.__getitem__, logical=logical("INTEGER", bits=bits, signed=signed))
            if signed and bits >= 32:
                yield _source(row, physical, raw, means.__getitem__)


def _between(low: int, high: int) -> list[int]:
    powers = [1 << power for power in (7, 8, 15, 16, 24, 31, 32, 53, 54, 60, 63)]
    near = [number + more for number in powers for more in (-1, 0, 1)]
    return [each for number in near for each in (number, -number) if low <= each <= high]


def _decimals() -> Iterator[Source]:
    shapes = [(1, 0), (1, 1), (4, 2), (9, 2), (9, 9), (15, 2), (16, 3), (18, 0), (18, 6), (19, 0), (22, 2), (38, 0)]
    for precision, scale in [*shapes, (38, 18), (38, 38), (39, 0), (50, 10), (76, 2), (76, 76)]:
        raw = sorted({each for each in _unscaled(precision, scale) if abs(each) < 10**precision})
        means = _scaled(scale)
        size = (((10**precision).bit_length() + 8) // 8) if precision else 1
        said: list[dict[str, Any]] = [
            {"converted": "DECIMAL", "precision": precision, "scale": scale},
            {"logical": logical("DECIMAL", precision=precision, scale=scale), "precision": precision, "scale": scale},
        ]
        for each in said:
            if precision <= 9:
                yield _source("DECIMAL", INT32, raw, means, **each)
            if precision <= 18:
                yield _source("DECIMAL", INT64, raw, means, **each)
            packed = [number.to_bytes(size, "big", signed=True) for number in raw]
            unpacked = _unpacked(means)
            yield _source("DECIMAL", FIXED, packed, unpacked, length=size, **each)
            short = [number.to_bytes(number.bit_length() // 8 + 1, "big", signed=True) for number in raw]
            yield _source("DECIMAL", BYTE_ARRAY, short, unpacked, **each)


def _unscaled(precision: int, scale: int) -> list[int]:
    one, most = 10**scale, 10**precision - 1
    wholes = [number * one for number in (0, 1, 2, 2**24 + 1, 2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63))]
    parts = [3, 30, 115, 895, 1234, 123456789012345, 1234567890123456, 12345678901234567, one // 2, one * 10 + 1]
    return [*wholes, *parts, *(-number for number in (*wholes, *parts)), most, -most, most // 3, one - 1]


def _scaled(scale: int) -> Callable[[int], Decimal]:
    return lambda number: Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -scale))


def _unpacked(means: Callable[[int], Decimal]) -> Callable[[bytes], Decimal]:
    return lambda raw: means(int.from_bytes(raw, "big", signed=True))


def _times() -> Iterator[Source]:
    days = [0, 1, -1, 19_000, 106_751, 106_752, -106_751, -106_752, -106_753, 2_932_896, -719_162, 2**31 - 1, -(2**31)]
    for said in ({"converted": "DATE"}, {"logical": logical("DATE")}):
        yield _source("DATE", INT32, days, lambda day: Moment(day * _DAY), **said)
    for name, unit in (("TIMESTAMP_MILLIS", "ms"), ("TIMESTAMP_MICROS", "us")):
        yield _source("TIMESTAMP", INT64, _ticks(unit), _moment(unit), converted=name)
    for unit in _UNITS:
        for utc in (True, False):
            said = {"logical": logical("TIMESTAMP", unit=unit, utc=utc)}
            yield _source("TIMESTAMP", INT64, _ticks(unit), _moment(unit), **said)
    yield _source("INT96", INT96, [], lambda _: None)
    whole = [(_EPOCH_DAY + day, 0) for day in days if _EPOCH_DAY + day >= 0]
    micro = [(_EPOCH_DAY + day, 123_456_000) for day in (0, 19_000, 2_932_896, -719_162)]
    nano = [(_EPOCH_DAY + day, nanoseconds) for day in (0, 19_000, -1) for nanoseconds in (1, 86_399_999_999_999)]
    edge = [(_EPOCH_DAY + 106_751, 85_636_854_775_807 + more) for more in (-1, 0, 1)]
    edge += [(_EPOCH_DAY - 106_752, 763_145_224_193 + more) for more in (-2, -1, 0, 999)]
    for days_and_rest in (whole, micro, nano, [*nano, *edge], [*whole, *micro, *nano, *edge], [(1, 0), (2**32 - 1, 5)]):
        yield _source("INT96", INT96, days_and_rest, _julian)


def _ticks(unit: str) -> list[int]:
    edge = ((1 << 63) - 1) // _UNITS[unit]
    near = [0, 1, -1, 1_700_000_000 * _NS // _UNITS[unit], edge, edge + 1, -edge, -edge - 1, -edge - 2]
    years = [seconds * _NS // _UNITS[unit] for seconds in (253_402_300_799, -62_135_596_800)]
    return [each for each in [*near, *years, (1 << 63) - 1, -(1 << 63)] if -(1 << 63) <= each < 1 << 63]


def _moment(unit: str) -> Callable[[int], Moment]:
    return lambda ticks: Moment(ticks * _UNITS[unit])


def _julian(raw: tuple[int, int]) -> Moment:
    return Moment((raw[0] - _EPOCH_DAY) * _DAY + raw[1])


def _bytes() -> Iterator[Source]:
    texts = [b"", b"a", "Zürich 😀".encode(), b"NA", b"1.5", b"nul\x00l", b"x" * 5000]
    bad = [b"\xff\xfe", b"a\xc3", b"\xed\xa0\x80"]
    said: list[tuple[str, str | None, Thrift | None]] = [
        ("STRING", "UTF8", None),
        ("STRING", None, logical("STRING")),
        ("JSON", "JSON", None),
        ("JSON", None, logical("JSON")),
        ("ENUM", "ENUM", None),
        ("ENUM", None, logical("ENUM")),
        ("BSON", "BSON", None),
        ("BSON", None, logical("BSON")),
        ("BYTE_ARRAY", None, None),
    ]
    for row, converted, meant in said:
        is_text = row in {"STRING", "JSON"}
        means = _text_of if is_text else bytes
        yield _source(row, BYTE_ARRAY, [*texts, *bad], means, converted=converted, logical=meant)
        yield _source(row, BYTE_ARRAY, texts, means, converted=converted, logical=meant)
    sixteen = [bytes(range(16)), b"a" * 16]
    yield _source("FIXED_LEN_BYTE_ARRAY", FIXED, [b"abc", b"\xff\x00z"], Fixed, length=3)
    yield _source("UUID", FIXED, sixteen, Fixed, length=16, logical=logical("UUID"))
    yield _source("INTERVAL", FIXED, [b"\x01\0\0\0" * 3], Fixed, length=12, converted="INTERVAL")


def _text_of(raw: bytes) -> Any:
    """What isn't UTF-8 is no text, whatever its annotation says."""
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return Broken(raw)


class Broken(bytes):
    """Said to be text, and isn't."""


def required(source: Source) -> Source:
    """The same column where its file allows no nulls."""
    values = [value for value in source.leaf.values if value is not None]
    leaf = replace(source.leaf, values=values, optional=False)
    return replace(source, leaf=leaf, means=tuple(value for value in source.means if value is not None))
