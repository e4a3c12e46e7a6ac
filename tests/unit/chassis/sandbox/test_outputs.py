"""Predictions become named, typed columns, or are told not to fit."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.outputs import PredictionShape, to_table

TWO = [Column("low", "float"), Column("high", "double")]


@pytest.mark.parametrize("result", [np.array([1.0, 2.0]), np.array([[1.0], [2.0]]), [1.0, 2.0], pd.Series([1.0, 2.0])])
def test_without_outputs_there_is_one_column_prediction(result: object) -> None:
    assert to_table(result, [], 2).to_pydict() == {"prediction": [1.0, 2.0]}


@pytest.mark.parametrize(
    "result",
    [
        np.array([[1.0, 2.0]]),
        {"high": np.array([2.0]), "low": np.array([1.0]), "more": np.array([0.0])},
        pd.DataFrame({"high": [2.0], "low": [1.0]}),
    ],
)
def test_outputs_are_taken_by_name_or_place_in_the_signature_s_types(result: object) -> None:
    table = to_table(result, TWO, 1)
    assert table.to_pydict() == {"low": [1.0], "high": [2.0]}
    assert table.schema.types == [pa.float32(), pa.float64()]


def test_labels_may_be_text() -> None:
    assert to_table(np.array(["a", "b"], dtype=object), [], 2)["prediction"].to_pylist() == ["a", "b"]


@pytest.mark.parametrize(
    ("result", "outputs"),
    [
        (np.zeros(3), []),
        (np.zeros((2, 2)), []),
        (np.zeros(2), TWO),
        (np.zeros((2, 2, 2)), []),
        (None, []),
        (np.array([1.5, 2.5]), [Column("label", "long")]),
        (np.array([object(), object()]), []),
    ],
)
def test_what_does_not_fit_is_told(result: object, outputs: list[Column]) -> None:
    with pytest.raises(PredictionShape):
        to_table(result, outputs, 2)
