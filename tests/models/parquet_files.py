"""Parquet written byte by byte, as writers do that pyarrow isn't: any physical type, any annotation, old ones too."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

BOOLEAN, INT32, INT64, INT96, FLOAT, DOUBLE, BYTE_ARRAY, FIXED = range(8)
_OLD: Final = """
    UTF8 MAP MAP_KEY_VALUE LIST ENUM DECIMAL DATE TIME_MILLIS TIME_MICROS TIMESTAMP_MILLIS TIMESTAMP_MICROS
    UINT_8 UINT_16 UINT_32 UINT_64 INT_8 INT_16 INT_32 INT_64 JSON BSON INTERVAL
"""
CONVERTED: Final = {name: number for number, name in enumerate(_OLD.split())}
_UNITS: Final = {"ms": 1, "us": 2, "ns": 3}
_I8, _I32, _I64, _BINARY, _LIST, _STRUCT = 3, 5, 6, 8, 9, 12
Thrift = dict[int, tuple[int, Any]]


@dataclass(frozen=True)
class Leaf:
    """A column. `values` are physical ones, of INT96 pairs of a Julian day and its nanoseconds; None is null."""

    name: str
    physical: int
    values: Sequence[Any]
    converted: str | None = None
    logical: Thrift | None = None
    length: int | None = None
    precision: int | None = None
    scale: int | None = None
    optional: bool = True
    field_id: int | None = None


def logical(name: str, **more: Any) -> Thrift:
    """A logical type, as `logical("TIMESTAMP", unit="us", utc=True)`."""
    plain = {"STRING": 1, "ENUM": 4, "DATE": 6, "UNKNOWN": 11, "JSON": 12, "BSON": 13, "UUID": 14, "FLOAT16": 15}
    if name in plain:
        return {plain[name]: (_STRUCT, {})}
    if name == "DECIMAL":
        return {5: (_STRUCT, {1: (_I32, more["scale"]), 2: (_I32, more["precision"])})}
    if name == "INTEGER":
        return {10: (_STRUCT, {1: (_I8, more["bits"]), 2: (1 if more["signed"] else 2, None)})}
    unit = {_UNITS[more["unit"]]: (_STRUCT, {})}
    return {{"TIME": 7, "TIMESTAMP": 8}[name]: (_STRUCT, {1: (1 if more["utc"] else 2, None), 2: (_STRUCT, unit)})}


def parquet_of(*leaves: Leaf, created_by: str = "an old writer version 1.0") -> bytes:
    """One row group, plain and not packed."""
    out, chunks, rows = bytearray(b"PAR1"), list[tuple[int, Thrift]](), len(leaves[0].values)
    for leaf in leaves:
        page = _page(leaf)
        sizes = {1: (_I32, rows), 2: (_I32, 0), 3: (_I32, 3), 4: (_I32, 3)}
        header = _struct({1: (_I32, 0), 2: (_I32, len(page)), 3: (_I32, len(page)), 5: (_STRUCT, sizes)})
        start, whole = len(out), len(header) + len(page)
        out += header + page
        meta: Thrift = {
            1: (_I32, leaf.physical),
            2: (_LIST, (_I32, [0, 3])),
            3: (_LIST, (_BINARY, [leaf.name.encode()])),
            4: (_I32, 0),
            5: (_I64, rows),
            6: (_I64, whole),
            7: (_I64, whole),
            9: (_I64, start),
        }
        chunks.append({2: (_I64, start), 3: (_STRUCT, meta)})
    group = {1: (_LIST, (_STRUCT, chunks)), 2: (_I64, len(out) - 4), 3: (_I64, rows)}
    root = {4: (_BINARY, b"schema"), 5: (_I32, len(leaves))}
    footer = _struct(
        {
            1: (_I32, 1),
            2: (_LIST, (_STRUCT, [root, *map(_element, leaves)])),
            3: (_I64, rows),
            4: (_LIST, (_STRUCT, [group])),
            6: (_BINARY, created_by.encode()),
        }
    )
    return bytes(out) + footer + struct.pack("<I", len(footer)) + b"PAR1"


def _element(leaf: Leaf) -> Thrift:
    fields: dict[int, tuple[int, Any] | None] = {
        1: (_I32, leaf.physical),
        2: None if leaf.length is None else (_I32, leaf.length),
        3: (_I32, 1 if leaf.optional else 0),
        4: (_BINARY, leaf.name.encode()),
        6: None if leaf.converted is None else (_I32, CONVERTED[leaf.converted]),
        7: None if leaf.scale is None else (_I32, leaf.scale),
        8: None if leaf.precision is None else (_I32, leaf.precision),
        9: None if leaf.field_id is None else (_I32, leaf.field_id),
        10: None if leaf.logical is None else (_STRUCT, leaf.logical),
    }
    return {number: value for number, value in fields.items() if value is not None}


def _page(leaf: Leaf) -> bytes:
    present = [value for value in leaf.values if value is not None]
    values = _bits([bool(value) for value in present]) if leaf.physical == BOOLEAN else _plain(leaf, present)
    if not leaf.optional:
        return values
    levels = _varint((len(leaf.values) + 7) // 8 << 1 | 1) + _bits([value is not None for value in leaf.values])
    return struct.pack("<I", len(levels)) + levels + values


def _plain(leaf: Leaf, values: Sequence[Any]) -> bytes:
    if leaf.physical == BYTE_ARRAY:
        return b"".join(struct.pack("<I", len(value)) + value for value in values)
    if leaf.physical == FIXED:
        return b"".join(values)
    if leaf.physical == INT96:
        return b"".join(struct.pack("<QI", nanoseconds, day) for day, nanoseconds in values)
    return b"".join(
        struct.pack({INT32: "<i", INT64: "<q", FLOAT: "<f", DOUBLE: "<d"}[leaf.physical], v) for v in values
    )


def _bits(flags: Sequence[bool]) -> bytes:
    padded = [*flags, *[False] * (-len(flags) % 8)]
    return bytes(sum(flag << bit for bit, flag in enumerate(padded[at : at + 8])) for at in range(0, len(padded), 8))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def _zigzag(number: int) -> bytes:
    return _varint(number << 1 if number >= 0 else (-number << 1) - 1)


def _struct(fields: Thrift) -> bytes:
    """Thrift's compact protocol."""
    out, last = bytearray(), 0
    for number, (kind, value) in sorted(fields.items()):
        step = number - last
        out += bytes([step << 4 | kind]) if step <= 15 else bytes([kind]) + _zigzag(number)
        out += b"" if kind in (1, 2) else _value(kind, value)
        last = number
    return bytes(out) + b"\x00"


def _value(kind: int, value: Any) -> bytes:
    if kind == _STRUCT:
        return _struct(value)
    if kind == _BINARY:
        return _varint(len(value)) + value
    if kind == _LIST:
        of, items = value
        head = bytes([len(items) << 4 | of]) if len(items) < 15 else bytes([0xF0 | of]) + _varint(len(items))
        return head + b"".join(_value(of, item) for item in items)
    return bytes([value & 0xFF]) if kind == _I8 else _zigzag(value)
