"""Rows, targets and comparisons that the suites of XGBoost and LightGBM share.

201 rows in row groups of 100: the last batch is one row.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from chassis.sandbox.child.conversion import Column
from tests.models.harness import Result, agree

RANDOM = np.random.default_rng(17)
COUNT = 201
NAMES = ["a", "b", "c"]
ROWS = pd.DataFrame(RANDOM.normal(size=(COUNT, 3)), columns=NAMES).mask(RANDOM.random((COUNT, 3)) < 0.05)
SCORE = (2 * ROWS["a"] - ROWS["b"]).fillna(0.0).to_numpy() + 0.1 * RANDOM.normal(size=COUNT)
POSITIVE = np.abs(SCORE) + 0.1
SHARE = 1 / (1 + np.exp(-SCORE))
TWO = (SCORE > 0).astype(int)
FOUR = np.digitize(SCORE, [-1.5, 0.0, 1.5])
LABELS = np.column_stack([SCORE > 0, SCORE > 1, ROWS["c"].fillna(0) > 0]).astype(int)
TARGETS = np.column_stack([SCORE, -SCORE, SCORE**2])
GROUPS = np.arange(COUNT) // 20
INPUTS = tuple(Column(name, "double", required=False) for name in NAMES)
VALUE = (Column("prediction", "double"),)
CLASS = (Column("prediction", "long"),)


def table(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def probabilities(classes: int) -> tuple[Column, ...]:
    return tuple(Column(f"probability_{place}", "double") for place in range(classes))


def several(count: int, kind: str = "double") -> tuple[Column, ...]:
    return tuple(Column(f"y{place}", kind) for place in range(count))


def agree_each(result: Result, outputs: Sequence[Column], expected: Any, *, tolerance: float) -> None:
    """Outputs in order are the columns of `expected`."""
    wide = np.asarray(expected).reshape(COUNT, -1)
    assert wide.shape[1] == len(outputs)
    for place, output in enumerate(outputs):
        agree(result, wide[:, place], output=output.name, tolerance=tolerance)


def refused(result: Result, code: str, *words: str) -> None:
    """Refused with that code, in a sentence without a trace or a path that has all the words."""
    assert result.refused is not None
    message = result.refused.message
    assert result.refused.code == code, result.refused
    assert all(word in message for word in words), message
    assert "Stack trace" not in message
    assert "/" not in message.replace("and/or", "")
    assert "\n" not in message
    assert len(message) < 500


def sampled(cases: Sequence[Any], every: int) -> list[Any]:
    """Each `every`th case belongs to `make test`, the others to `make test-models` alone."""
    return [
        pytest.param(case, id=_named(case), marks=() if number % every == 0 else pytest.mark.long)
        for number, case in enumerate(cases)
    ]


def _named(case: Any) -> str:
    return " ".join(map(str, case)) if isinstance(case, tuple) else str(case)
