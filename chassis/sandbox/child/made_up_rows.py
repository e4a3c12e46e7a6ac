"""Rows that nobody has sent, for a model to be tried with when it is loaded."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import pyarrow as pa

from .conversion import Column

TRIAL_ROWS: Final = 8
SPREADS: Final = (10, 2)
"""How many whole numbers and texts are tried; few, where a model only knows some categories."""
_NUMBERS: Final = (4, 1, 6, 2, 5, 9, 3, 7)
_DAY_US: Final = 86_400_000_000


def typical_rows(
    columns: Sequence[Column], spread: int, known: Mapping[str, Sequence[Any]] | None = None
) -> list[pa.Array]:
    """Eight different rows that a model may have been made for. `known`: values that it knows, by column."""
    random = np.random.default_rng(7)
    rows = [_typical(column, place, spread, random) for place, column in enumerate(columns)]
    return [_of(column, (known or {}).get(column.name), made) for column, made in zip(columns, rows, strict=True)]


def _of(column: Column, values: Sequence[Any] | None, made: pa.Array) -> pa.Array:
    """Those values, in turn; `made` where there are none of the column's type."""
    if not values:
        return made
    try:
        return pa.array([values[row % len(values)] for row in range(TRIAL_ROWS)], column.arrow_type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError):
        return made


def _typical(column: Column, place: int, spread: int, random: np.random.Generator) -> pa.Array:
    numbers = [(number + place) % spread for number in _NUMBERS]
    match column.type:
        case "boolean":
            return pa.array([number % 2 == 0 for number in numbers])
        case "integer" | "long":
            return pa.array(numbers, column.arrow_type)
        case "float" | "double":
            return pa.array(random.normal(size=TRIAL_ROWS).round(3), pa.float64()).cast(column.arrow_type)
        case "string":
            return pa.array([str(number) for number in numbers])
        case "datetime":
            return pa.array([number * _DAY_US for number in numbers], pa.timestamp("us")).cast(column.arrow_type)
        case _:
            return pa.array([str(number).encode() for number in numbers], column.arrow_type)
