"""The columns of a run's output, which all its splits have to share."""

from collections.abc import Sequence
from typing import Final

from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.manifest import Columns
from services.executor.scoring.task import SplitResult

_NAMES: Final = {
    "boolean": "bool",
    "integer": "int32",
    "long": "int64",
    "float": "float",
    "double": "double",
    "string": "string",
    "binary": "binary",
    "datetime": "timestamp[ns]",
}
"""Arrow's names of the signature's types."""


def output_columns(job: ScoringJob, kept: Columns, results: Sequence[SplitResult]) -> Columns:
    """Those that the splits wrote; where no row was accepted, kept ones and those that the signature says.

    Raises:
        ScoringError: `prediction-shape`.
    """
    found = list(dict.fromkeys(result.columns for result in results if result.columns))
    if len(found) > 1:
        raise ScoringError("prediction-shape", _type_change(*found[:2]))
    if found:
        return found[0]
    outputs = [(each.name, _NAMES[each.type]) for each in job.model.signature.outputs] or [("prediction", "null")]
    return [*kept, *outputs]


def _type_change(before: Columns, after: Columns) -> str:
    changed = next((name for name, kind in before if dict(after).get(name) != kind), before[-1][0])
    return (
        f"the model's output {changed} is of type {dict(before)[changed]} for some rows and"
        f" {dict(after).get(changed)} for others: declare its type in the signature's outputs"
    )
