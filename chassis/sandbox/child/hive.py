"""Folders that say a column's value, as Hive, Spark and pandas write them: `region=EU/month=01/part-0.parquet`."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import unquote

import pyarrow as pa

from .csv_schema import narrowest
from .described import Described
from .folder_values import FoldersUnfit, column_of

NULL: Final = "__HIVE_DEFAULT_PARTITION__"
"""The value of rows that have none."""
Said = Mapping[str, Mapping[str | None, str]]
"""By each column's name its values, and of each the first object that lies in such a folder."""


class FoldersDiffer(ValueError):
    """Objects that lie in folders of different columns; `str()` of it says which do."""


def values_of(key: str) -> dict[str, str | None]:
    """What the folders of an object say, in their order: a text by each column's name, None for no value.

    Args:
        key: all of it, wherever an input or a data set begins; its last part is the object's own name and says nothing.

    Raises:
        FoldersUnfit: a column is named twice, or not at all, or in no UTF-8.
    """
    found = dict[str, str | None]()
    for folder in key.split("/")[:-1]:
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


def said_by(keys: Sequence[str]) -> Said:
    """What the folders of all these objects say; its names are the columns of each.

    Raises:
        FoldersUnfit: as `values_of`.
        FoldersDiffer: some say other columns, or in another order, than the rest.
    """
    said: dict[str, dict[str | None, str]] = {name: {} for name in (values_of(keys[0]) if keys else ())}
    for key in keys:
        values = values_of(key)
        if tuple(values) != tuple(said):
            raise FoldersDiffer(
                f"{key} lies in folders of the columns {_listed(values)}, and {keys[0]} in those of {_listed(said)}"
            )
        for name, value in values.items():
            said[name].setdefault(value, key)
    return said


def with_folders(schema: pa.Schema, said: Said) -> pa.Schema:
    """The files' columns and their folders'. One that both have is the folders', of the files' type and in its place.

    Raises:
        FoldersUnfit: a folder says no value of that type.
    """
    kinds = {field.name: pa.string() if pa.types.is_null(field.type) else field.type for field in schema}
    for name in [name for name in said if name in kinds]:
        for value, key in said[name].items():
            try:
                column_of(name, value, kinds[name], 1)
            except FoldersUnfit as error:
                raise FoldersUnfit(f"{key}: {error}") from error
    here = [field.with_type(kinds[field.name]) if field.name in said else field for field in schema]
    return pa.schema([*here, *((name, pa.string()) for name in said if name not in kinds)])


def described(columns: Sequence[Described], said: Said, *, typed: bool) -> tuple[Described, ...]:
    """A data set's columns for those who decide which model can read them: the files' and the folders'.

    Args:
        columns: the files'.
        said: what the folders say.
        typed: files have types, which their columns keep; else a folder's is the narrowest that all values can be.
    """
    mine, files = {name: _described(name, values) for name, values in said.items()}, {each.name for each in columns}
    for each in columns:
        if each.name in mine and typed and each.type != "null":
            mine[each.name] = replace(mine[each.name], type=each.type)
    return (*(mine.get(each.name, each) for each in columns), *(mine[name] for name in mine if name not in files))


def read_with_folders(table: pa.Table, key: str) -> pa.Table:
    """An object's rows with what its folders say. Raises: FoldersUnfit."""
    values = values_of(key)
    if not values:
        return table
    schema, rows = with_folders(table.schema, said_by([key])), table.num_rows
    columns = [
        column_of(field.name, values[field.name], field.type, rows) if field.name in values else table.column(place)
        for place, field in enumerate(schema)
    ]
    return pa.table(columns, schema=schema)


def _described(name: str, values: Mapping[str | None, str]) -> Described:
    present = pa.array(sorted(value for value in values if value is not None), pa.string())
    return Described(name, narrowest(present) or "string", None in values, folder=True)


def _listed(names: Mapping[str, object]) -> str:
    return ", ".join(names) or "none"
