"""CSV: delimiter and names from the first line, types as the first block has them; rows aren't counted."""

from collections.abc import Sequence
from typing import Final

import pyarrow as pa
from pyarrow import csv

from chassis.sandbox.child.csv_dialect import HeaderUnreadable, beginning, charset_of, read_header
from services.registry.tabular.part import Part, Read, Unreadable

_BLOCK_BYTES: Final = 1024 * 1024


async def first_block(read: Read, size_bytes: int, content_type: str | None) -> bytes:
    """Whole lines from the beginning, about 1 MB of them, unpacked where they are packed, in UTF-8.

    Raises:
        Unreadable: its first line alone is longer, or its charset isn't known.
    """
    raw = await read(0, min(_BLOCK_BYTES, size_bytes))
    try:
        block = beginning(raw, _BLOCK_BYTES, charset_of(content_type))
    except HeaderUnreadable as error:
        raise Unreadable(f"it can't be read as CSV: {error}") from error
    if len(raw) == size_bytes and (block is raw or len(block) < _BLOCK_BYTES):
        return block
    whole_lines = block[: block.rfind(b"\n") + 1]
    if not whole_lines:
        raise Unreadable("its first line is longer than 1 MB")
    return whole_lines


def part(block: bytes) -> Part:
    """What a block says.

    Raises:
        Unreadable: it isn't CSV in UTF-8 with a header line of distinct names.
    """
    if b"\x00" in block:
        raise Unreadable("it holds bytes that no text has")
    try:
        delimiter = read_header(block).delimiter
        schema = csv.read_csv(
            pa.BufferReader(block),
            read_options=csv.ReadOptions(use_threads=False, block_size=len(block) + 1),
            parse_options=csv.ParseOptions(delimiter=delimiter, newlines_in_values=True),
        ).schema
        names = schema.names  # Decoded only now: names that are no UTF-8 fail here.
    except (pa.ArrowException, ValueError) as error:
        raise Unreadable(f"it can't be read as CSV: {error}"[:500]) from error
    if len(set(names)) < len(names):
        raise Unreadable("its header names a column twice")
    return Part(schema, None)


def agree(one: pa.Schema, other: pa.Schema) -> bool:
    """Whether two objects are of one data set: the same names in the same order."""
    return one.names == other.names


def joined(schemas: Sequence[pa.Schema]) -> pa.Schema:
    """The narrowest types that hold the values of all objects; of equal names in equal order."""
    by_column = zip(*schemas, strict=True)
    return pa.schema([_joined([schema_field.type for schema_field in each], each[0].name) for each in by_column])


def _joined(types: Sequence[pa.DataType], name: str) -> pa.Field:
    one_column = [pa.schema([(name, each)]) for each in types]
    try:
        return pa.unify_schemas(one_column, promote_options="permissive").field(0)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.field(name, pa.string())  # All of it is text, after all.
