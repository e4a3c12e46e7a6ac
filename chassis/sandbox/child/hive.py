"""Folders that say a column's value, as Hive, Spark and pandas write them: `region=EU/month=01/part-0.parquet`."""

from collections.abc import Sequence
from typing import Final
from urllib.parse import unquote

import numpy as np
import pyarrow as pa

from .csv_schema import narrowest
from .described import Described
from .text import parse_text

NULL: Final = "__HIVE_DEFAULT_PARTITION__"
"""The value of rows that have none."""


class FoldersUnfit(ValueError):
    """Folders whose columns can't be told; `str()` of it says which and why."""


def values_of(key: str, prefix: str = "") -> dict[str, str | None]:
    """What the folders of an object say, in their order: a text by each column's name, None for no value.

    Args:
        key: the object's, whose last part is its own name and says nothing.
        prefix: folders in it don't count.

    Raises:
        FoldersUnfit: a column is named twice, or not at all, or in no UTF-8.
    """
    found = dict[str, str | None]()
    for folder in key.removeprefix(prefix).split("/")[:-1]:
        name, says, value = folder.partition("=")
        if not says:
            continue
        try:
            name, value = (unquote(part, errors="strict") for part in (name, value))
        except UnicodeDecodeError as error:
            raise FoldersUnfit(f"{key}: the folder {folder} is not UTF-8") from error
        if not name or name in found:
            raise FoldersUnfit(
                f"{key}: its folders name the column {name or folder} {'twice' if name else 'not at all'}"
            )
        found[name] = None if value in {"", NULL} else value
    return found


def names_of(keys: Sequence[str], prefix: str = "") -> tuple[str, ...]:
    """The columns that the folders of all these objects say.

    Raises:
        FoldersUnfit: some say others, or in another order, than the rest.
    """
    first = tuple(values_of(keys[0], prefix)) if keys else ()
    for key in keys:
        names = tuple(values_of(key, prefix))
        if names != first:
            raise FoldersUnfit(
                f"{key} lies in folders of the columns {_listed(names)}, and {keys[0]} in those of {_listed(first)}"
            )
    return first


def described(keys: Sequence[str], prefix: str = "") -> tuple[Described, ...]:
    """These columns for those who decide which model can read them: of the narrowest type that all values can be.

    Raises:
        FoldersUnfit: as `names_of`.
    """
    names = names_of(keys, prefix)
    by_key = [values_of(key, prefix) for key in keys]
    return tuple(_described(name, [values[name] for values in by_key]) for name in names)


def with_folders(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """A file's columns and its folders'. One that both have is the folders', of the file's type and in its place."""
    new = [name for name in names if name not in schema.names]
    return pa.schema([*schema, *((name, pa.string()) for name in new)])


def column_of(name: str, value: str | None, kind: pa.DataType, rows: int) -> pa.Array:
    """The same value in every row.

    Raises:
        FoldersUnfit: it is no value of the type that the files have for this column.
    """
    one = pa.array([value], pa.string())
    if not pa.types.is_string(kind):
        one = _as(name, one, kind)
    return one.take(pa.array(np.zeros(rows, dtype=np.int64)))


def _as(name: str, one: pa.Array, kind: pa.DataType) -> pa.Array:
    reason = f"the folder of the column {name} says no value of the type {kind}, which the files have"
    try:
        value = parse_text(one, kind)[0] if kind in _PARSED else one.cast(kind)
    except pa.ArrowException as error:
        raise FoldersUnfit(reason) from error
    if value.null_count > one.null_count:
        raise FoldersUnfit(reason)
    return value


def _described(name: str, values: Sequence[str | None]) -> Described:
    present = pa.array(sorted({value for value in values if value is not None}), pa.string())
    return Described(name, narrowest(present) or "string", None in values)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


_PARSED: Final = (pa.bool_(), pa.int32(), pa.int64(), pa.float32(), pa.float64(), pa.timestamp("ns"))
