"""Pipelines over columns of every type, fitted with frames as pandas reads them from parquet and CSV."""

import warnings

import joblib
import pandas as pd
import pytest
from sklearn.base import clone

from tests.models.harness import agree, columns, scored
from tests.models.sklearn_pipelines import CASES, FITTED, ROWS, TYPES, table, value
from tests.models.stored_tables import sampled, stored

TABLE = table()
SAME = [(name, kind) for name, case in CASES.items() for kind in case.kinds]
OTHER = [(name, kind) for name, kind in SAME if len(CASES[name].kinds) == 2]


def fitted(case, frame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(case.estimator).fit(as_fitted(case, frame[:FITTED]), value(frame[:FITTED]))


def as_fitted(case, frame):
    chosen = frame[case.names]
    return chosen.astype(case.dtype) if case.dtype else chosen


def predicted(estimator, case, frame):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.predict(as_fitted(case, frame))


@pytest.fixture
def score(tmp_path):
    def inner(estimator, case, data, **fields):
        joblib.dump(estimator, tmp_path / "model")
        inputs = columns(**{name: TYPES[name] for name in reversed(case.names)})
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return scored("sklearn", tmp_path / "model", inputs=inputs, data=data, **fields)

    return inner


@pytest.mark.parametrize(("name", "kind"), sampled(SAME, 4, ids=[" ".join(each) for each in SAME]))
@pytest.mark.parametrize("row_group_size", [33, ROWS - 1])
def test_it_predicts_as_when_called_with_what_pandas_reads(score, name, kind, row_group_size):
    case, read = CASES[name], stored(TABLE.select(CASES[name].names), kind)
    estimator = fitted(case, read.frame)

    result = score(estimator, case, read.data, row_group_size=row_group_size)

    agree(result, predicted(estimator, case, read.frame), tolerance=1e-9)


@pytest.mark.parametrize(("name", "kind"), sampled(OTHER, 4, ids=[" ".join(each) for each in OTHER]))
def test_a_missing_value_is_what_it_was_in_training_whatever_the_data_are(score, name, kind):
    case, read = CASES[name], stored(TABLE.select(CASES[name].names), kind)
    other = stored(TABLE.select(case.names), "csv" if kind == "parquet" else "parquet")
    estimator = fitted(case, read.frame)

    result = score(estimator, case, other.data)

    agree(result, predicted(estimator, case, read.frame), tolerance=1e-6)


@pytest.mark.parametrize("rows", [0, 1])
@pytest.mark.parametrize(("name", "kind"), sampled(SAME, 9, ids=[" ".join(each) for each in SAME]))
def test_no_row_and_one_row_are_scored(score, name, kind, rows):
    case, read = CASES[name], stored(TABLE.select(CASES[name].names), kind)
    few = stored(TABLE.select(case.names).slice(0, rows), kind)
    estimator = fitted(case, read.frame)

    result = score(estimator, case, few.data)

    assert result.refused is None
    if rows:
        agree(result, predicted(estimator, case, read.frame[:rows]), tolerance=1e-9)


def test_a_frame_s_categories_go_by_value_and_not_by_their_codes(score):
    case = CASES["boosted categories"]
    read = stored(TABLE.select(case.names), "parquet")
    estimator = fitted(case, read.frame)
    turned = TABLE.select(case.names).take(list(range(ROWS))[::-1])

    result = score(estimator, case, turned)

    agree(result, predicted(estimator, case, read.frame)[::-1], tolerance=1e-9)
    assert pd.unique(result["prediction"]).size > 10
