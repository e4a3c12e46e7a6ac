"""Whatever a model gives, its values arrive as they are or are refused: driven by Hypothesis."""

import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.outputs import PredictionShape, to_table

NUMBERS = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False),
    st.sampled_from([0, 1, 2**53, 2**53 + 1, 2**31, -(2**31), 0.5, 1e300, -0.0, math.inf]),
)
FORMS = st.sampled_from(
    [
        list,
        np.array,
        pd.Series,
        pa.array,
        lambda values: {"prediction": values},
        lambda values: (each for each in values),
    ]
)
KINDS = st.sampled_from(["integer", "long", "double", "boolean"])


@settings(max_examples=300, deadline=None)
@given(
    values=st.one_of(
        st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=9),
        st.lists(NUMBERS.map(float), min_size=1, max_size=9),
    ),
    form=FORMS,
    kind=KINDS,
)
def test_a_number_keeps_its_value_or_is_refused(values, form, kind):
    outputs = [Column("prediction", kind)]
    if not all(held(value, kind) for value in values):
        with pytest.raises(PredictionShape, match="output prediction is of type"):
            to_table(form(values), outputs, len(values))
        return

    kept = to_table(form(values), outputs, len(values))["prediction"].to_pylist()

    assert [number(each) for each in kept] == [number(each) for each in values]


@settings(max_examples=200, deadline=None)
@given(order=st.permutations(range(7)), form=st.sampled_from(["series", "frame", "mapping"]))
def test_labels_put_each_value_to_its_row_in_any_order(order, form):
    series = pd.Series([f"row {at}" for at in order], index=order)
    result = {"series": series, "frame": series.to_frame("prediction"), "mapping": {"prediction": series}}[form]

    kept = to_table(result, [Column("prediction", "string")], 7)["prediction"].to_pylist()

    assert kept == [f"row {at}" for at in range(7)]


def held(value, kind):
    limits = {"integer": 2**31, "long": 2**63}
    if kind == "boolean":
        return value in (0, 1)
    if kind == "double":
        return float(value) == value
    return math.isfinite(value) and value == int(value) and -limits[kind] <= value < limits[kind]


def number(value):
    return int(value) if math.isfinite(value) and value == int(value) else value
