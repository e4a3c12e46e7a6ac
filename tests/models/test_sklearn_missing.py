"""Missing values as an estimator knows them: texts that it was fitted with, numbers that it takes or doesn't."""

from functools import partial

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, VotingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler, TargetEncoder

from tests.models.harness import agree
from tests.models.sklearn_tables import CITY, FRAME, HOT, ROWS, VALUE, score_estimator
from tests.models.stored_tables import KINDS, refused, sampled, stored

ENCODERS = {
    "one-hot": HOT,
    "target": TargetEncoder(random_state=0),
    "ordinal, missing apart": OrdinalEncoder(encoded_missing_value=-5),
}
MISSING = {"NaN": np.nan, "None": None}
ENCODED = [(name, mark, kind) for name in ENCODERS for mark in MISSING for kind in KINDS]


@pytest.fixture
def score(tmp_path):
    return partial(score_estimator, tmp_path)


@pytest.mark.parametrize(("name", "mark", "kind"), sampled(ENCODED, 3, ids=[" ".join(each) for each in ENCODED]))
def test_a_missing_text_is_the_one_that_an_encoder_knows(score, name, mark, kind):
    trained = FRAME.assign(city=CITY.astype(object).where(CITY.notna(), MISSING[mark]))
    model = make_pipeline(
        make_column_transformer((ENCODERS[name], ["city"]), remainder="passthrough"), LinearRegression()
    )
    model.fit(trained, VALUE)

    result = score(model, stored(FRAME, kind).data, a="double", city="string?")

    agree(result, model.predict(trained), tolerance=1e-9)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("mark", MISSING)
def test_a_missing_text_is_the_one_that_an_imputer_fills(score, kind, mark):
    trained = FRAME[["city"]].astype(object).where(FRAME[["city"]].notna(), MISSING[mark])
    fill = SimpleImputer(missing_values=MISSING[mark], strategy="constant", fill_value="nowhere")
    model = make_pipeline(fill, HOT, LinearRegression()).fit(trained, VALUE)

    agree(score(model, stored(FRAME, kind).data, city="string?"), model.predict(trained), tolerance=1e-9)


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_fitted_with_none_missing_gets_what_pandas_reads(score, kind):
    full = FRAME.dropna()
    model = make_pipeline(FunctionTransformer(by_kind_of_missing), LinearRegression()).fit(full[["city"]], full["a"])

    read = stored(FRAME, kind)
    agree(score(model, read.data, city="string?"), model.predict(read.frame[["city"]]), tolerance=1e-9)


def by_kind_of_missing(frame):
    return frame.map(lambda value: 5.0 if value is None else 7.0 if isinstance(value, float) else len(value))


def test_two_kinds_of_missing_texts_are_one_too_many(score):
    both = FRAME[["city"]].astype(object)
    both.iloc[0, 0], both.iloc[1, 0] = None, np.nan
    model = make_pipeline(HOT, LinearRegression()).fit(both, VALUE)

    refused(
        score(model, stored(FRAME, "parquet").data, city="string?"),
        "model-unsupported",
        "two kinds of missing values in city",
    )


GAPS = FRAME[["a"]].assign(b=FRAME["a"].where(FRAME["a"] > -1).to_numpy()[::-1], c=1.0)
DEMANDING = {
    "alone": Ridge(),
    "behind a scaler": make_pipeline(StandardScaler(), Ridge()),
    "beside an encoder": make_pipeline(make_column_transformer((HOT, ["c"]), remainder="passthrough"), Ridge()),
    "in a vote": VotingRegressor([("a", Ridge()), ("b", HistGradientBoostingRegressor(max_iter=3))]),
}
FILLING = {
    "imputed": make_pipeline(SimpleImputer(), StandardScaler(), Ridge()),
    "imputed by column": make_pipeline(
        make_column_transformer((SimpleImputer(), ["b"]), remainder="passthrough"), Ridge()
    ),
    "boosted": HistGradientBoostingRegressor(max_iter=3),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", [*DEMANDING, *FILLING])
def test_a_missing_number_that_the_model_does_not_take_rejects_its_row_alone(score, name, kind):
    full = GAPS.fillna(0.0)
    model = {**DEMANDING, **FILLING}[name].fit(full, VALUE)

    result = score(model, stored(GAPS, kind).data, a="double", b="double?", c="double")

    gaps = np.flatnonzero(GAPS["b"].isna())
    assert len(gaps)
    if name in FILLING:
        assert not result.rejected
        agree(result, model.predict(GAPS), tolerance=1e-9)
    else:
        assert sorted(result.rejected) == gaps.tolist()
        agree(result, model.predict(full), tolerance=1e-9)


def doubled(frame):
    return frame * 2


def test_a_model_that_fails_on_missing_values_in_a_step_of_one_s_own_says_so(score):
    model = make_pipeline(FunctionTransformer(doubled), Ridge()).fit(GAPS.fillna(0.0), VALUE)

    result = score(model, stored(GAPS, "parquet").data, a="double", b="double?", c="double")

    refused(result, "model-failed", "raised ValueError for rows in which b is missing: declare it required")
    assert result.refused.row is not None
    assert np.isnan(GAPS["b"][result.refused.row])
    assert "NaN" in result.refused.detail


def test_a_model_that_fails_on_other_rows_too_is_not_said_to_fail_on_missing_ones(score):
    model = make_pipeline(FunctionTransformer(broken), Ridge()).fit(GAPS.fillna(0.0), VALUE)

    refused(
        score(model, stored(GAPS, "parquet").data, a="double", b="double?", c="double"),
        "model-failed",
        "raised KeyError",
    )


def broken(frame):
    if len(frame) < ROWS:
        raise KeyError("gone")
    return frame
