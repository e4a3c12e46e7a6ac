"""Parquet's columns: a file's schema and its exact number of rows stand in its footer."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pyarrow as pa
from pyarrow import types

from .casting import is_bytes, is_text
from .chunk import parse_footer
from .described import Described, SchemasDiffer, SchemaUnreadable, ensure_usable

_INTEGER_BITS: Final = 32
_STORED_AS: Final = {"arrow.json": "string", "arrow.uuid": "fixed_size_binary[16]"}
_LONGEST: Final = 200


@dataclass(frozen=True)
class ParquetSchema:
    """What a footer says."""

    schema: pa.Schema
    rows: int


def read_footer(footer: bytes) -> ParquetSchema:
    """`footer` with its length and the magic number, as they end a file.

    Raises:
        SchemaUnreadable: it says nothing that can be understood, or has a column twice or without a name.
    """
    try:
        metadata, schema = parse_footer(footer)
        plain, rows = schema.remove_metadata(), metadata.num_rows
        names = plain.names  # Decoded only now: names that are no UTF-8 fail here.
    except (pa.ArrowException, OSError, ValueError) as error:
        raise SchemaUnreadable(f"its footer can't be read: {error}"[:500]) from error
    ensure_usable(names)
    return ParquetSchema(plain, rows)


def agree(one: ParquetSchema, other: ParquetSchema) -> bool:
    """Whether two files are of one data set: columns may have come or gone, and numbers have grown wider, with time."""
    names = set(one.schema.names), set(other.schema.names)
    if not (names[0] <= names[1] or names[0] >= names[1]):
        return False
    try:
        _merged([one.schema, other.schema])
    except pa.ArrowException:
        return False
    return True


def joined(found: Sequence[ParquetSchema]) -> tuple[Described, ...]:
    """The columns of all files, as they came; nullable where a file lacks one.

    Raises:
        SchemasDiffer: a column is of types that can't be one.
    """
    everywhere = set[str].intersection(*(set(schema.names) for schema in _different(found)))
    return tuple(
        Described(field.name, type_name(field.type), field.nullable or field.name not in everywhere)
        for field in merged(found)
    )


def merged(found: Sequence[ParquetSchema]) -> pa.Schema:
    """All files' columns, in types that hold what each has. Raises: SchemasDiffer."""
    try:
        return _merged(_different(found))
    except pa.ArrowException as error:
        raise SchemasDiffer(f"its objects' columns are of different types: {error}"[:500]) from error


def type_name(arrow_type: pa.DataType) -> str:
    """A signature's name of a column type; Arrow's own where signatures have none (lists, bytes that are no text)."""
    if types.is_dictionary(arrow_type):
        return type_name(arrow_type.value_type)
    if isinstance(arrow_type, pa.BaseExtensionType):
        return _STORED_AS.get(arrow_type.extension_name, str(arrow_type)[:_LONGEST])
    for is_of, name in _NAMES:
        if is_of(arrow_type):
            return name
    return str(arrow_type)[:_LONGEST]


def _different(found: Sequence[ParquetSchema]) -> list[pa.Schema]:
    return list(dict.fromkeys(each.schema for each in found))


def _merged(schemas: Sequence[pa.Schema]) -> pa.Schema:
    return pa.unify_schemas([_undictionaried(schema) for schema in schemas], promote_options="permissive")


def _undictionaried(schema: pa.Schema) -> pa.Schema:
    """With dictionaries as their values: those differ from file to file."""
    return pa.schema(
        [field.with_type(field.type.value_type) if types.is_dictionary(field.type) else field for field in schema]
    )


def _fits_integer(arrow_type: pa.DataType) -> bool:
    bits = arrow_type.bit_width if types.is_integer(arrow_type) else 0
    return 0 < bits <= (_INTEGER_BITS if types.is_signed_integer(arrow_type) else _INTEGER_BITS - 1)


def _is_double(arrow_type: pa.DataType) -> bool:
    return types.is_float64(arrow_type) or types.is_decimal(arrow_type)


def _is_datetime(arrow_type: pa.DataType) -> bool:
    return types.is_date(arrow_type) or types.is_timestamp(arrow_type)


_NAMES: Final = (
    (types.is_boolean, "boolean"),
    (_fits_integer, "integer"),
    (types.is_integer, "long"),
    (_is_double, "double"),
    (types.is_floating, "float"),
    (is_text, "string"),
    (is_bytes, "binary"),
    (_is_datetime, "datetime"),
)
