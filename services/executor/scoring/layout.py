"""Which columns are read and which are written, the same for every object of an input."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import pyarrow as pa

from services.executor.scoring.child.outputs import PREDICTION
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
    required = [field.name for field in job.model.signature.inputs if field.required]
    for key, schema in schemas:
        missing = [name for name in required if name not in schema.names]
        if missing:
            raise ScoringError("input-missing-column", f"{key} has no column {', '.join(missing)}")
        doubled = [name for name, count in Counter(schema.names).items() if count > 1]
        if doubled:
            raise ScoringError("input-duplicate-column", f"{key} has the column {', '.join(doubled)} more than once")
    merged = _merged([_plain(schema) for _, schema in schemas])
    names = _kept_names(job, merged)
    if nowhere := [name for name in names if name not in merged.names]:
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


def _plain(schema: pa.Schema) -> pa.Schema:
    """Without metadata, nullable, and with dictionaries as their values: those differ from file to file."""
    return pa.schema([(field.name, _value_type(field.type)) for field in schema])


def _value_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _merged(schemas: Sequence[pa.Schema]) -> pa.Schema:
    try:
        return pa.unify_schemas(list(dict.fromkeys(schemas)), promote_options="permissive")
    except pa.ArrowException as error:
        raise ScoringError("input-mixed-schemas", f"the input's files don't agree: {error}") from error
