"""Arrow's types by the names that models' signatures use."""

from typing import Final

import pyarrow as pa
from pyarrow import types

from schemas.datasets import DatasetColumn

_INTEGER_BITS: Final = 32


def columns(schema: pa.Schema, *, says_nullable: bool) -> tuple[DatasetColumn, ...]:
    """The columns in order. `says_nullable`: whether the files say which may hold nulls.

    Raises:
        ValueError: a column has no name that a message can carry.
    """
    return tuple(
        DatasetColumn(name=field.name, type=type_name(field.type), nullable=field.nullable if says_nullable else None)
        for field in schema
    )


def type_name(arrow_type: pa.DataType) -> str:
    """MLflow's name of a column type; Arrow's own where MLflow has none (lists, structs)."""
    if types.is_dictionary(arrow_type):
        return type_name(arrow_type.value_type)
    for is_of, name in _NAMES:
        if is_of(arrow_type):
            return name
    return str(arrow_type)[:200]


def _fits_integer(arrow_type: pa.DataType) -> bool:
    bits = arrow_type.bit_width if types.is_integer(arrow_type) else 0
    return 0 < bits <= (_INTEGER_BITS if types.is_signed_integer(arrow_type) else _INTEGER_BITS - 1)


def _is_string(arrow_type: pa.DataType) -> bool:
    # A column of nothing but nulls: any text fits.
    return types.is_string(arrow_type) or types.is_large_string(arrow_type) or types.is_null(arrow_type)


def _is_binary(arrow_type: pa.DataType) -> bool:
    return types.is_binary(arrow_type) or types.is_large_binary(arrow_type) or types.is_fixed_size_binary(arrow_type)


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
    (_is_string, "string"),
    (_is_binary, "binary"),
    (_is_datetime, "datetime"),
)
