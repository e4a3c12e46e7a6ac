"""Rows as the signature wants them: a value is converted where it is kept, else its row is rejected with a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .casting import INT96, cast, decoded, is_bytes, is_number, is_text
from .compute import pc
from .misread import why
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
NO_FOLDERS: Final[Mapping[str, str | None]] = MappingProxyType({})
NULL: Final = "null where a value is required"
WORD: Final = "a word for a missing value, such as NA, where a value is required"
INFINITE: Final = "not a finite number"
NO_TEXT: Final = "bytes that are no text in UTF-8"
_KINDS: Final = {"bool": "a boolean", "binary": "bytes"}
_Mask = npt.NDArray[np.bool_]
_Faults = list[tuple[_Mask, str]]


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
    batch: pa.RecordBatch,
    columns: Sequence[Column],
    *,
    text: bool,
    first_row: int,
    rejections: Rejections,
    folders: Mapping[str, str | None] = NO_FOLDERS,
) -> tuple[list[pa.Array], _Mask | None]:
    """The batch's model inputs in the signature's order and types, rejected rows left out.

    Args:
        batch: a column that isn't in it is taken as nulls.
        columns: the signature's inputs.
        text: all columns are strings that are to be parsed.
        first_row: number of the batch's first row, for `rejections`.
        rejections: where rejected rows are added.
        folders: what the folders of the batch's object say (`hive.values_of`); such columns aren't read from the batch.

    Returns:
        The columns, and the mask of rows that are in them (None: all).
    """
    converted: list[pa.Array] = []
    bad: _Mask | None = None
    for column in columns:
        if column.name in folders:
            values, faults = _of_folder(folders[column.name], column, batch.num_rows)
        else:
            values, faults = _convert(batch, column, text=text)
        converted.append(values)
        for mask, reason in faults:
            fresh = mask if bad is None else mask & ~bad
            rejections.add(np.flatnonzero(fresh).astype(np.int64) + first_row, column.name, reason)
            bad = mask if bad is None else bad | mask
    if bad is None:
        return converted, None
    kept = pa.array(~bad)
    return [values.filter(kept) for values in converted], ~bad


def _convert(batch: pa.RecordBatch, column: Column, *, text: bool) -> tuple[pa.Array, _Faults]:
    """Values in the signature's type, and which rows are to be rejected for which reasons."""
    position = batch.schema.get_field_index(column.name)
    if position < 0:
        values = pa.nulls(batch.num_rows, column.arrow_type)
        return values, _unfit(values, column)
    source = decoded(batch.column(position))
    if text:
        return _parsed(source, column)
    values = cast(source, column.arrow_type)
    lost = _mask(pc.and_(pc.is_valid(source), pc.is_null(values))) if values.null_count else None
    faults = [] if lost is None else [(lost, _why_lost(source.type, column))]
    return values, faults + _unfit(values, column)


def _of_folder(value: str | None, column: Column, rows: int) -> tuple[pa.Array, _Faults]:
    """The same value in every row. It is text like a CSV's, but that no word stands for a missing text."""
    one = pa.array([value], pa.string())
    if value is None or column.type not in {"string", "binary"}:
        values, faults = _parsed(one, column)
    else:
        values, faults = one.cast(column.arrow_type), []
    everywhere = pa.array(np.zeros(rows, dtype=np.int64))
    return values.take(everywhere), [(np.repeat(mask, rows), f"its folder: {reason}") for mask, reason in faults]


def _parsed(source: pa.Array, column: Column) -> tuple[pa.Array, _Faults]:
    values, missing = parse_text(source, column.arrow_type)
    faults: _Faults = []
    if missing is not None and column.required:
        word = _mask(pc.and_(missing, pc.not_equal(pc.utf8_trim_whitespace(source), "")))
        faults += [] if word is None else [(word, WORD)]
    if values.null_count > source.null_count:
        lost = pc.and_(pc.is_valid(source), pc.is_null(values))
        lost = lost if missing is None else pc.and_not(lost, missing)
        faults += _misread(source, _mask(lost), column)
    return values, faults + _unfit(values, column)


def _misread(source: pa.Array, lost: _Mask | None, column: Column) -> _Faults:
    """Each text's reason; equal ones together."""
    if lost is None:
        return []
    rows = np.flatnonzero(lost)
    by_reason: dict[str, list[int]] = {}
    for row, text in zip(rows.tolist(), source.take(pa.array(rows)).to_pylist(), strict=True):
        by_reason.setdefault(why(text, column.type), []).append(row)
    return [(_rows(found, len(lost)), reason) for reason, found in by_reason.items()]


def _rows(rows: Sequence[int], count: int) -> _Mask:
    mask = np.zeros(count, dtype=np.bool_)
    mask[np.asarray(rows, dtype=np.int64)] = True
    return mask


def _unfit(values: pa.Array, column: Column) -> _Faults:
    """Where a value is required and there is none, or of floats none that is a number."""
    if not column.required:
        return []
    floating = pa.types.is_floating(values.type)
    if floating and not values.null_count and pc.all(pc.is_finite(values)).as_py():
        return []
    masks = (
        (_mask(pc.is_null(values, nan_is_null=True)), NULL),
        (_mask(pc.is_inf(values)) if floating else None, INFINITE),
    )
    return [(mask, reason) for mask, reason in masks if mask is not None]


def _why_lost(source: pa.DataType, column: Column) -> str:
    if is_number(source) and is_number(column.arrow_type):
        return f"a number that can't be read as {column.type} without loss"
    if column.type == "datetime" and (pa.types.is_timestamp(source) or pa.types.is_date(source) or source == INT96):
        return "a time outside of the years 1677 to 2262, which a datetime of nanoseconds can't hold"
    if column.type == "string" and (is_text(source) or is_bytes(source)):
        return NO_TEXT
    kind = "a text" if is_text(source) else _KINDS.get(str(source), f"a value of type {source}")
    return f"{kind} where a value of type {column.type} is required"


def _mask(flags: pa.Array) -> _Mask | None:
    if not pc.any(flags).as_py():
        return None
    return np.asarray(flags.fill_null(False).to_numpy(zero_copy_only=False), dtype=np.bool_)
