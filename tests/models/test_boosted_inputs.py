"""What XGBoost and LightGBM are given: every type of a signature, nulls, any order, few and many rows, any table."""

import os
import subprocess
import sys
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.sandbox.child.conversion import ARROW_TYPES
from tests.models import boosted
from tests.models.boosted import NAMES, ROWS, VALUE, refused
from tests.models.harness import Result, columns, scored

LIBRARIES = ("xgboost", "lightgbm")
TRAINED = {
    "xgboost": xgboost.train({"nthread": 1}, xgboost.DMatrix(ROWS, boosted.SCORE), 20),
    "lightgbm": lightgbm.train(
        {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}, lightgbm.Dataset(ROWS, boosted.SCORE), 20
    ),
}
TOLERANCE = {"xgboost": 2e-6, "lightgbm": 1e-12}
few = settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])


def write(library: str, booster: Any, tmp_path: Any) -> Any:
    """The artifact."""
    artifact = tmp_path / "model"
    raw = booster.save_raw("json") if library == "xgboost" else booster.model_to_string().encode()
    artifact.write_bytes(raw)
    return artifact


def expected(library: str, frame: pd.DataFrame, booster: Any = None) -> np.ndarray:
    """By the library, of a frame as pandas reads it from parquet."""
    model = booster or TRAINED[library]
    return model.predict(xgboost.DMatrix(frame)) if library == "xgboost" else model.predict(frame)


def score(library: str, tmp_path: Any, data: pa.Table | bytes, **types: str) -> Result:
    artifact = write(library, TRAINED[library], tmp_path)
    return scored(library, artifact, inputs=columns(**types), outputs=VALUE, data=data)


def agree(library: str, result: Result, frame: pd.DataFrame) -> None:
    assert result.refused is None, result.refused
    assert not result.rejected
    np.testing.assert_allclose(result["prediction"], expected(library, frame), rtol=TOLERANCE[library], atol=1e-6)


NUMBERS = {
    "boolean": [True, False, True],
    "integer": [1, 0, -(2**31)],
    "long": [2**24 + 1, -(2**53) - 1, 0],
    "float": [0.1, -0.0, 3e38],
    "double": [0.1, 5e-324, -1e30],
}


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", NUMBERS)
@pytest.mark.parametrize("missing", [False, True])
def test_a_number_of_any_type_is_what_the_library_takes_it_for(tmp_path, library, kind, missing):
    values = [*NUMBERS[kind] * 9, *([None] if missing else [])]
    column = pa.array(values, ARROW_TYPES[kind])
    data = pa.table(dict.fromkeys(NAMES, column))
    types = dict.fromkeys(NAMES, f"{kind}?" if missing else kind)
    frame = data.to_pandas()
    frame = frame.astype(float) if kind == "boolean" and missing else frame

    agree(library, score(library, tmp_path, data, **types), frame)


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("kind", ["string", "datetime", "binary"])
def test_what_is_no_number_is_refused_by_name(tmp_path, library, kind):
    result = score(library, tmp_path, boosted.table(ROWS), a="double?", b=f"{kind}?", c="double?")

    refused(result, "signature-mismatch", "b is of type", kind, "declare it a number")


@pytest.mark.parametrize("library", LIBRARIES)
def test_columns_in_another_order_and_more_of_any_type_change_nothing(tmp_path, library):
    data = boosted.table(ROWS.assign(when=pd.Timestamp("2024-01-01"), note="x", d=1.0, flag=True))
    types = {"note": "string", "c": "double?", "when": "datetime", "a": "double?", "d": "double", "b": "double?"}

    agree(library, score(library, tmp_path, data, **types, flag="boolean"), ROWS)


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_input_that_the_signature_lacks_is_refused_by_name(tmp_path, library):
    result = score(library, tmp_path, boosted.table(ROWS), a="double?", c="double?", d="double?")

    refused(result, "signature-mismatch", "requires b")


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_column_that_the_data_lack_is_missing(tmp_path, library):
    result = score(library, tmp_path, boosted.table(ROWS[["a", "c"]]), **dict.fromkeys(NAMES, "double?"))

    agree(library, result, ROWS.assign(b=np.nan))


@pytest.mark.parametrize("library", LIBRARIES)
def test_a_row_without_a_value_that_is_required_is_rejected_and_the_others_are_scored(tmp_path, library):
    result = score(library, tmp_path, boosted.table(ROWS), **dict.fromkeys(NAMES, "double"))

    whole = ROWS.notna().all(axis=1).to_numpy()
    assert result.refused is None
    assert set(result.rejected) == set(np.flatnonzero(~whole))
    np.testing.assert_allclose(result["prediction"], expected(library, ROWS[whole]), rtol=TOLERANCE[library])


@pytest.mark.parametrize("library", LIBRARIES)
@pytest.mark.parametrize("rows", [0, 1, 2, 99, 100, 101, 200])
def test_any_number_of_rows_is_scored(tmp_path, library, rows):
    result = score(library, tmp_path, boosted.table(ROWS[:rows]), **dict.fromkeys(NAMES, "double?"))

    assert result.refused is None
    if rows:
        agree(library, result, ROWS[:rows])
    else:
        assert result.predictions is None or result.predictions.num_rows == 0


@pytest.mark.parametrize("library", LIBRARIES)
def test_rows_of_a_csv_are_scored_as_pandas_reads_them(tmp_path, library):
    raw = ROWS.assign(b=(ROWS["b"] * 10).round()).to_csv(index=False).encode()

    result = score(library, tmp_path, raw, a="double?", b="long?", c="double?")

    agree(library, result, ROWS.assign(b=(ROWS["b"] * 10).round()))


@pytest.mark.parametrize("library", LIBRARIES)
def test_an_infinite_value_that_may_be_missing_is_larger_than_all(tmp_path, library):
    frame = ROWS.assign(a=np.where(np.arange(len(ROWS)) % 2, np.inf, -np.inf))

    result = score(library, tmp_path, boosted.table(frame), **dict.fromkeys(NAMES, "double?"))

    agree(library, result, frame.replace({"a": {np.inf: 1e30, -np.inf: -1e30}}))


numbers = st.one_of(st.none(), st.floats(-5, 5, width=32), st.sampled_from([0.0, -0.0, 1e30, -1e30, float("nan")]))
tables = st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=30)


@pytest.mark.parametrize("library", LIBRARIES)
@few
@given(rows=tables, order=st.permutations(NAMES))
def test_any_table_of_numbers_is_scored_as_by_the_library(tmp_path, library, rows, order):
    frame = pd.DataFrame(rows, columns=NAMES, dtype=float)
    data = pa.table({name: pa.array(frame[name], from_pandas=True) for name in NAMES})

    agree(library, score(library, tmp_path, data, **dict.fromkeys(order, "double?")), frame)


ascii_texts = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=5)
texts = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=5)
whole = st.integers(-(2**62), 2**62)
MADE_UP = {
    ("xgboost", "string"): ascii_texts,
    ("xgboost", "long"): whole,
    ("lightgbm", "string"): texts,
    ("lightgbm", "long"): whole,
    ("lightgbm", "double"): st.floats(allow_nan=False, allow_infinity=False),
}


@pytest.mark.parametrize("case", MADE_UP, ids=" ".join)
@few
@given(data=st.data())
def test_any_categories_are_found_by_their_values(tmp_path, case, data):
    library, kind = case
    values = data.draw(st.lists(MADE_UP[case], min_size=2, max_size=8, unique=True))
    codes = np.arange(60) % len(values)
    city = pd.Categorical.from_codes(codes, categories=pd.Index(values, dtype=object if kind == "string" else None))
    frame = pd.DataFrame({"city": city, "a": ROWS["a"][:60]})
    target = data.draw(st.permutations(range(len(values))))
    booster = boosted_on(library, frame, np.array(target, dtype=float)[codes])
    given_rows = pa.table({"city": pa.array([values[code] for code in codes], ARROW_TYPES[kind]), "a": frame["a"]})

    artifact = write(library, booster, tmp_path)
    result = scored(
        library, artifact, inputs=columns(a="double?", city=kind), outputs=VALUE, data=given_rows, row_group_size=7
    )

    assert result.refused is None, result.refused
    rows = xgboost.DMatrix(frame, enable_categorical=True) if library == "xgboost" else frame
    np.testing.assert_allclose(result["prediction"], booster.predict(rows), rtol=TOLERANCE[library], atol=1e-6)


def boosted_on(library: str, frame: pd.DataFrame, target: np.ndarray) -> Any:
    if library == "xgboost":
        rows = xgboost.DMatrix(frame, target, enable_categorical=True)
        return xgboost.train({"nthread": 1, "max_cat_to_onehot": 1}, rows, 5)
    quiet = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 2, "min_data_per_group": 1, "cat_smooth": 0.1}
    return lightgbm.train(quiet, lightgbm.Dataset(frame, target), 5)


COUNTING = """
import os, sys
from pathlib import Path
import pyarrow as pa
from chassis.sandbox.child import formats
from chassis.sandbox.child.conversion import Column
inputs = tuple(Column(name, "double") for name in "abc")
for library, artifact in zip(sys.argv[1::2], sys.argv[2::2]):
    model = formats.find(library).load(formats.Source(Path(artifact), None, inputs))
    before = len(os.listdir("/proc/self/task"))
    model.predict([pa.array([0.5] * 20_000)] * 3, 20_000)
    print(len(os.listdir("/proc/self/task")) - before)
"""


def test_scoring_starts_no_threads(tmp_path):
    artifacts = list[str]()
    for library in LIBRARIES:
        (tmp_path / library).mkdir()
        artifacts += [library, str(write(library, TRAINED[library], tmp_path / library))]

    done = subprocess.run(
        [sys.executable, "-c", COUNTING, *artifacts],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": ".", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    )

    assert done.stdout.split() == ["0", "0"]
