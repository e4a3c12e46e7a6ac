"""Rows as the signature wants them: a value is converted where it is kept, else its row is rejected with a reason."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .compute import pc
from .text import parse_text

ARROW_TYPES: dict[str, pa.DataType] = {
    "boolean": pa.bool_(),
    "integer": pa.int32(),
    "long": pa.int64(),
    "float": pa.float32(),
    "double": pa.float64(),
    "string": pa.string(),
    "binary": pa.binary(),
    "datetime": pa.timestamp("ns"),
}
REJECTIONS = pa.schema([("row", pa.int64()), ("column", pa.string()), ("reason", pa.string())])
_KINDS = {"string": "a text", "large_string": "a text", "bool": "a boolean", "binary": "bytes"}
_TWO_63 = float(2**63)


@dataclass(frozen=True)
class Column:
    """A field of the signature."""

    name: str
    type: str
    required: bool = True

    @property
    def arrow_type(self) -> pa.DataType:
        return ARROW_TYPES[self.type]


@dataclass
class Rejections:
    """Rows set aside, each with the first column that is wrong in it and what is wrong."""

    rows: list[npt.NDArray[np.int64]] = field(default_factory=list[npt.NDArray[np.int64]])
    columns: list[str] = field(default_factory=list[str])
    reasons: list[str] = field(default_factory=list[str])

    def add(self, rows: npt.NDArray[np.int64], column: str, reason: str) -> None:
        self.rows.append(rows)
        self.columns.append(column)
        self.reasons.append(reason)

    def table(self) -> pa.Table:
        """Sorted by row; at most one line a row."""
        if not self.rows:
            return REJECTIONS.empty_table()
        counts = [len(rows) for rows in self.rows]
        table = pa.table(
            [
                pa.array(np.concatenate(self.rows), pa.int64()),
                pa.array(np.repeat(np.array(self.columns, dtype=object), counts), pa.string()),
                pa.array(np.repeat(np.array(self.reasons, dtype=object), counts), pa.string()),
            ],
            schema=REJECTIONS,
        )
        return table.sort_by("row")


def convert_rows(
    batch: pa.RecordBatch, columns: Sequence[Column], *, text: bool, first_row: int, rejections: Rejections
) -> tuple[list[pa.Array], npt.NDArray[np.bool_] | None]:
    """The batch's model inputs in the signature's order and types, rejected rows left out.

    Args:
        batch: a column that isn't in it is taken as nulls.
        columns: the signature's inputs.
        text: all columns are strings that are to be parsed.
        first_row: number of the batch's first row, for `rejections`.
        rejections: where rejected rows are added.

    Returns:
        The columns, and the mask of rows that are in them (None: all).
    """
    converted: list[pa.Array] = []
    bad: npt.NDArray[np.bool_] | None = None
    for column in columns:
        values, lost, source = _convert(batch, column, text=text)
        converted.append(values)
        for mask, reason in (
            (lost, _why_lost(source, column, text=text)),
            (_missing(values, lost, column), "null where a value is required"),
            (_infinite(values, column), "not a finite number"),
        ):
            if mask is None:
                continue
            fresh = mask if bad is None else mask & ~bad
            rejections.add(np.flatnonzero(fresh).astype(np.int64) + first_row, column.name, reason)
            bad = mask if bad is None else bad | mask
    if bad is None:
        return converted, None
    kept = pa.array(~bad)
    return [values.filter(kept) for values in converted], ~bad


def _convert(
    batch: pa.RecordBatch, column: Column, *, text: bool
) -> tuple[pa.Array, npt.NDArray[np.bool_] | None, pa.DataType]:
    """Values in the signature's type (null where lost), a mask of what was lost, and the source's type."""
    position = batch.schema.get_field_index(column.name)
    if position < 0:
        return pa.nulls(batch.num_rows, column.arrow_type), None, pa.null()
    values = batch.column(position)
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if values.type == column.arrow_type and not text:
        return values, None, values.type
    converted = parse_text(values, column.arrow_type) if text else _cast(values, column.arrow_type)
    lost = pc.and_(pc.is_valid(values), pc.is_null(converted))
    if text and column.type != "string":
        lost = pc.and_(lost, pc.not_equal(pc.utf8_trim_whitespace(values), ""))
    return converted, _mask(lost), values.type


def _cast(values: pa.Array, target: pa.DataType) -> pa.Array:
    """Numbers keep their value (a float target rounds to its own precision), else become null; so does all else."""
    source = values.type
    if _same_family(source, target):
        return values.cast(target)
    if pa.types.is_timestamp(target) and (pa.types.is_timestamp(source) or pa.types.is_date(source)):
        return _where_kept(values, values.cast(target, safe=False), source)
    if _is_number(source) and _is_number(target):
        return _cast_number(values, target)
    return pa.nulls(len(values), target)


def _cast_number(values: pa.Array, target: pa.DataType) -> pa.Array:
    source = values.type
    if pa.types.is_decimal(source) and pa.types.is_integer(target):
        values, source = values.cast(pa.float64()), pa.float64()
    if pa.types.is_floating(source) and pa.types.is_floating(target):
        narrow = values.cast(target, safe=False)
        overflown = pc.and_(pc.is_inf(narrow), pc.invert(pc.is_inf(values)))
        return pc.if_else(overflown, pa.scalar(None, target), narrow)
    if pa.types.is_floating(source):
        return _where_kept(values, _within(values, -_TWO_63, _TWO_63).cast(target, safe=False), source)
    if pa.types.is_integer(source) and pa.types.is_integer(target):
        return _within(values.cast(pa.decimal128(20)), *_bounds(target)).cast(target)
    return _where_kept(values, _within(values.cast(target, safe=False), -_TWO_63, _TWO_63), source)


def _bounds(target: pa.DataType) -> tuple[Decimal, Decimal]:
    limit = Decimal(1 << (target.bit_width - 1))
    return -limit, limit


def _within(values: pa.Array, low: object, high: object) -> pa.Array:
    """Nulls outside of low <= value < high, where a cast would be undefined."""
    inside = pc.and_(pc.greater_equal(values, low), pc.less(values, high))
    return values if pc.all(inside).as_py() else pc.if_else(inside, values, pa.scalar(None, values.type))


def _where_kept(values: pa.Array, converted: pa.Array, source: pa.DataType) -> pa.Array:
    """Nulls where the way there and back again doesn't end at the same value."""
    kept = pc.equal(converted.cast(source, safe=False), values)
    if kept.null_count == values.null_count and pc.all(kept).as_py() is not False:
        return converted
    return pc.if_else(kept, converted, pa.scalar(None, converted.type))


def _missing(values: pa.Array, lost: npt.NDArray[np.bool_] | None, column: Column) -> npt.NDArray[np.bool_] | None:
    """Where a required value is null or, for floats, not a number; less what was lost in conversion."""
    if not column.required:
        return None
    mask = _mask(pc.is_null(values, nan_is_null=True))
    return mask if mask is None or lost is None else mask & ~lost


def _infinite(values: pa.Array, column: Column) -> npt.NDArray[np.bool_] | None:
    if not column.required or not pa.types.is_floating(values.type):
        return None
    return _mask(pc.is_inf(values))


def _why_lost(source: pa.DataType, column: Column, *, text: bool) -> str:
    if text:
        return f"a text that can't be read as {column.type}"
    if _is_number(source) and _is_number(column.arrow_type):
        return f"a number that can't be read as {column.type} without loss"
    if pa.types.is_timestamp(source) and pa.types.is_timestamp(column.arrow_type):
        return f"a time that can't be read as {column.type} without loss"
    kind = _KINDS.get(str(source), f"a value of type {source}")
    return f"{kind} where a value of type {column.type} is required"


def _mask(flags: pa.Array) -> npt.NDArray[np.bool_] | None:
    if not pc.any(flags).as_py():
        return None
    return np.asarray(flags.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)


def _same_family(source: pa.DataType, target: pa.DataType) -> bool:
    strings = (pa.types.is_string, pa.types.is_large_string, pa.types.is_string_view)
    binaries = (pa.types.is_binary, pa.types.is_large_binary, pa.types.is_fixed_size_binary, pa.types.is_binary_view)
    family = strings if pa.types.is_string(target) else binaries if pa.types.is_binary(target) else ()
    return source == target or any(belongs(source) for belongs in family)
