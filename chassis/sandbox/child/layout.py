"""Which columns are read and which are written, the same for every object of an input."""

from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import pyarrow as pa

from .conversion import Column
from .hive import said_by, with_folders
from .outputs import PREDICTION


class InputUnfit(Exception):
    """The input can't be scored with the model. `code` is the platform's; the text names the column."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class Wanted:
    """What a job asks of its input. `keep` of None keeps every column that is no model input."""

    model: str
    uri: str
    inputs: tuple[Column, ...]
    outputs: tuple[Column, ...]
    keep: tuple[str, ...] | None


@dataclass(frozen=True)
class Layout:
    """`kept`: columns that pass through, with their types; `read`: all columns, as set aside with rejected rows.

    A column that only some objects have is null in the rows of the others. Those of folders are among them.
    """

    kept: pa.Schema
    read: pa.Schema

    def left_out(self, wanted: Wanted) -> list[str]:
        """Columns that aren't kept, although all are to be, since outputs have their names."""
        if wanted.keep is not None:
            return []
        passed_on = {*self.kept.names, *(column.name for column in wanted.inputs)}
        return [name for name in self.read.names if name not in passed_on]

    def to_bytes(self) -> bytes:
        kept, read = (bytes(memoryview(schema.serialize())) for schema in (self.kept, self.read))
        return len(kept).to_bytes(8, "little") + kept + read

    @classmethod
    def from_bytes(cls, raw: bytes) -> "Layout":
        end = 8 + int.from_bytes(raw[:8], "little")
        kept, read = (pa.ipc.read_schema(pa.py_buffer(part)) for part in (raw[8:end], raw[end:]))
        return cls(kept, read)


def make_layout(wanted: Wanted, schemas: Sequence[tuple[str, pa.Schema]]) -> Layout:
    """The layout of an input whose objects, by their keys, have these schemas.

    Raises:
        InputUnfit: `input-missing-column`, `-duplicate-column`, `-mixed-schemas`, or `column-conflict`.
        FoldersUnfit, FoldersDiffer: as `hive.said_by` and `hive.with_folders`.
    """
    said = said_by([key for key, _ in schemas])
    for key, schema in schemas:
        missing = _missing_inputs(wanted, {*schema.names, *said})
        if missing:
            raise InputUnfit("input-missing-column", f"{key} has no column {', '.join(missing)}")
        doubled = [name for name, count in Counter(schema.names).items() if count > 1]
        if doubled:
            raise InputUnfit("input-duplicate-column", f"{key} has the column {', '.join(doubled)} more than once")
    merged = with_folders(_merged([(key, _plain(schema)) for key, schema in schemas]), said)
    names = _kept_names(wanted, merged)
    nowhere = [f"{name} (which is to be kept)" for name in names if name not in merged.names]
    if nowhere:
        raise InputUnfit("input-missing-column", f"{wanted.uri} has no column {', '.join(nowhere)}")
    return Layout(kept=pa.schema([merged.field(name) for name in names]), read=merged)


def _kept_names(wanted: Wanted, schema: pa.Schema) -> list[str]:
    outputs = {column.name for column in wanted.outputs} or {PREDICTION}
    if wanted.keep is not None:
        clash = outputs & set(wanted.keep)
        if clash:
            raise InputUnfit("column-conflict", f"{', '.join(sorted(clash))}: both kept and predicted")
        return list(dict.fromkeys(wanted.keep))
    inputs = {column.name for column in wanted.inputs}
    return [name for name in schema.names if name not in inputs | outputs]


def _missing_inputs(wanted: Wanted, names: Collection[str]) -> list[str]:
    lacking = [column for column in wanted.inputs if column.required and column.name not in names]
    return [f"{column.name} ({wanted.model} requires it as {column.type})" for column in lacking]


def _plain(schema: pa.Schema) -> pa.Schema:
    """Without metadata, nullable, and with dictionaries as their values: those differ from file to file."""
    return pa.schema([(field.name, _value_type(field.type)) for field in schema])


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _merged(schemas: Sequence[tuple[str, pa.Schema]]) -> pa.Schema:
    """One schema for all; equal ones, which most are, are looked at once."""
    merged, seen = schemas[0][1], {schemas[0][1]}
    for key, schema in schemas[1:]:
        if schema in seen:
            continue
        seen.add(schema)
        try:
            merged = pa.unify_schemas([merged, schema], promote_options="permissive")
        except pa.ArrowException as error:
            message = f"{key} and the objects before it, such as {schemas[0][0]}, don't agree: {error}"
            raise InputUnfit("input-mixed-schemas", message) from error
    return merged
