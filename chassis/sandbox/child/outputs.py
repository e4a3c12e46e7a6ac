"""What a model gave back, as named columns of one row per row scored, in the types that its signature declares."""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

from .conversion import Column
from .output_types import as_declared, as_given
from .result_values import PredictionShape
from .results import Given, given_columns

__all__ = ["PREDICTION", "PredictionShape", "to_table"]

PREDICTION: Final = "prediction"
_SHOWN: Final = 5


def to_table(result: Any, outputs: Sequence[Column], rows: int) -> pa.Table:
    """Predictions as a table.

    Args:
        result: what the model gave (see `results.given_columns`).
        outputs: the signature's; empty for one column named `prediction`, typed as the model gives it.
        rows: how many rows were scored.

    Raises:
        PredictionShape: other names or numbers of rows or columns, or values that the declared type can't keep.
    """
    given = chosen_columns(given_columns(result, rows), outputs)
    if not outputs:
        return pa.table([as_given(given[0].values)], names=[PREDICTION])
    return pa.table(
        [as_declared(each.values, column) for each, column in zip(given, outputs, strict=True)],
        schema=pa.schema([(column.name, column.arrow_type) for column in outputs]),
    )


def chosen_columns(given: list[Given], outputs: Sequence[Column]) -> list[Given]:
    """The outputs' columns: those of their names, else by place where none has a name; one of one is it anyway.

    Raises:
        PredictionShape: there are others.
    """
    names = [column.name for column in outputs] or [PREDICTION]
    if all(column.name is None for column in given):
        if len(given) != len(names):
            wanted = "1 is" if len(names) == 1 else f"{len(names)} are"
            raise PredictionShape(f"the model gives {_counted(len(given))} and {wanted} expected: {_listed(names)}")
        return given
    found = {name: [column for column in given if column.name == name] for name in names}
    lacking = [name for name, columns in found.items() if not columns]
    if lacking and len(given) == len(names) == 1:
        return given
    if lacking:
        raise PredictionShape(
            f"the model gives columns named {_listed([str(column.name) for column in given])} and none named"
            f" {_listed(lacking)}: name the signature's outputs as the model does"
        )
    doubled = [name for name, columns in found.items() if len(columns) > 1]
    if doubled:
        raise PredictionShape(f"the model gives several columns named {_listed(doubled)}")
    return [columns[0] for columns in found.values()]


def _counted(columns: int) -> str:
    return "1 column" if columns == 1 else f"{columns} columns"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
