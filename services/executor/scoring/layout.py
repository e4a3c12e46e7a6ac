"""Which columns are read and which are written, the same for every object of an input."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from chassis.sandbox.child.outputs import PREDICTION
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import ScoringJob


@dataclass(frozen=True)
class Layout:
    """`kept`: columns that pass through, with their types; `read`: all columns, as set aside with rejected rows.

    A column that only some objects have is null in the rows of the others.
    """

    kept: pa.Schema
    read: pa.Schema


def make_layout(job: ScoringJob, schemas: Sequence[tuple[str, pa.Schema]]) -> Layout:
    """Raises `ScoringError`: `input-missing-column`, `-duplicate-column`, `-mixed-schemas`, or `column-conflict`."""
    for key, schema in schemas:
        missing = _missing_inputs(job, schema)
        if missing:
            raise ScoringError("input-missing-column", f"{key} has no column {', '.join(missing)}")
        doubled = [name for name, count in Counter(schema.names).items() if count > 1]
        if doubled:
            raise ScoringError("input-duplicate-column", f"{key} has the column {', '.join(doubled)} more than once")
    merged = _merged([(key, _plain(schema)) for key, schema in schemas])
    names = _kept_names(job, merged)
    nowhere = [f"{name} (which is to be kept)" for name in names if name not in merged.names]
    if nowhere:
        raise ScoringError("input-missing-column", f"{job.input.uri} has no column {', '.join(nowhere)}")
    return Layout(kept=pa.schema([merged.field(name) for name in names]), read=merged)


def _kept_names(job: ScoringJob, schema: pa.Schema) -> list[str]:
    signature = job.model.signature
    outputs = {field.name for field in signature.outputs} or {PREDICTION}
    if job.keep is not None:
        clash = outputs & set(job.keep)
        if clash:
            raise ScoringError("column-conflict", f"{', '.join(sorted(clash))}: both kept and predicted")
        return list(dict.fromkeys(job.keep))
    inputs = {field.name for field in signature.inputs}
    return [name for name in schema.names if name not in inputs | outputs]


def _missing_inputs(job: ScoringJob, schema: pa.Schema) -> list[str]:
    wanted = [field for field in job.model.signature.inputs if field.required and field.name not in schema.names]
    return [f"{field.name} ({job.model.name} requires it as {field.type})" for field in wanted]


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
            raise ScoringError("input-mixed-schemas", message) from error
    return merged
