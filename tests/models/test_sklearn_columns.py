"""What a column has to be for an estimator, seen in what it was fitted with: kept to, or refused when it is loaded."""

from functools import partial

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

from chassis.sandbox.child.formats import Source, find
from tests.models.harness import agree, columns
from tests.models.sklearn_tables import CITY, FRAME, HOT, RANDOM, ROWS, VALUE, score_estimator
from tests.models.stored_tables import refused, stored

ORDINAL = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


@pytest.fixture
def score(tmp_path):
    return partial(score_estimator, tmp_path)


def test_lightgbm_s_own_names_are_the_columns_that_it_was_fitted_with(score):
    frame = pd.DataFrame({"unit price": FRAME["a"], "b": FRAME["a"] ** 2})
    model = lightgbm.LGBMRegressor(n_estimators=5, verbose=-1).fit(frame, VALUE)

    agree(score(model, stored(frame, "csv").data, b="double", unit__price="double"), model.predict(frame))
    both = frame.assign(unit_price=0.0)
    refused(
        score(model, stored(both, "csv").data, unit__price="double", unit_price="double", b="double"),
        "signature-mismatch",
        "unit_price may be any of unit price, unit_price",
    )


@pytest.mark.parametrize("backend", ["numpy_nullable", "pyarrow"])
def test_nullable_frames_are_columns_as_any_other(score, backend):
    frame = pd.DataFrame(
        {"n": RANDOM.integers(0, 5, ROWS), "f": RANDOM.random(ROWS) > 0.5, "a": FRAME["a"], "city": CITY}
    )
    some = frame.mask(RANDOM.random(frame.shape) < 0.2).convert_dtypes(dtype_backend=backend)
    numbers = some[["n", "f", "a"]]
    data = stored(pa.Table.from_pandas(some, preserve_index=False), "parquet").data
    for model in (HistGradientBoostingRegressor(max_iter=12), make_pipeline(SimpleImputer(), Ridge())):
        model.fit(numbers, VALUE)
        agree(score(model, data, n="long?", f="boolean?", a="double?"), model.predict(numbers), tolerance=1e-9)
    texts = make_pipeline(SimpleImputer(missing_values=pd.NA, strategy="most_frequent"), HOT, Ridge()).fit(
        some[["city"]].astype(object), VALUE
    )
    agree(score(texts, data, city="string?"), texts.predict(some[["city"]].astype(object)), tolerance=1e-9)


@pytest.mark.parametrize("required", [True, False])
def test_whole_numbers_beyond_exact_floats_stay_themselves(score, required):
    frame = pd.DataFrame({"id": np.where(FRAME["a"] > 0, 2**60, 2**60 + 1)})
    for to in (frame, frame.to_numpy()):
        model = make_pipeline(OneHotEncoder(), LinearRegression()).fit(to, VALUE)
        result = score(model, stored(frame, "parquet").data, id="long" if required else "long?")
        if required:
            agree(result, model.predict(to), tolerance=1e-9)
        else:
            refused(result, "signature-mismatch", "declare id required")


@pytest.mark.parametrize("order", [["city", "a", "id", "more"], ["id", "city", "more", "a"]])
def test_columns_that_a_transformer_drops_need_not_be_there(score, order):
    frame = FRAME.assign(id=range(ROWS), more=1.0)[order]
    model = make_pipeline(
        make_column_transformer((HOT, ["city"]), ("drop", ["more"]), (StandardScaler(), ["a"])), Ridge()
    ).fit(frame, VALUE)

    agree(score(model, stored(frame, "csv").data, a="double", city="string?"), model.predict(frame), tolerance=1e-9)
    refused(score(model, stored(frame, "csv").data, a="double"), "signature-mismatch", "requires city")


def test_more_columns_than_the_model_has_are_not_handed_to_it(score):
    model = make_pipeline(StandardScaler(), Ridge()).fit(FRAME[["a"]], VALUE)

    agree(
        score(model, stored(FRAME, "csv").data, city="string?", a="double"), model.predict(FRAME[["a"]]), tolerance=1e-9
    )


DAY = pd.DataFrame({"t": pd.to_datetime(RANDOM.integers(10**17, 10**18, ROWS))})
WHOLE = pd.DataFrame({"n": RANDOM.integers(0, 3, ROWS)})


@pytest.mark.parametrize(
    ("estimator", "frame", "declared", "code", "reason"),
    [
        (
            make_pipeline(HOT, Ridge()),
            WHOLE,
            "string",
            "signature-mismatch",
            "fitted with numbers in n, which is string .* declare it a number",
        ),
        (
            make_pipeline(ORDINAL, Ridge()),
            WHOLE.astype(str),
            "long",
            "signature-mismatch",
            "fitted with texts in n, .* declare it string",
        ),
        (
            make_pipeline(SimpleImputer(strategy="most_frequent"), HOT, Ridge()),
            WHOLE.astype(str),
            "double",
            "signature-mismatch",
            "declare it string",
        ),
        (
            HistGradientBoostingRegressor(),
            WHOLE.astype(str).astype("category"),
            "long",
            "signature-mismatch",
            "declare it string",
        ),
        (make_pipeline(HOT, Ridge()), WHOLE + 0.1, "float", "signature-mismatch", "declare it double"),
        (
            make_pipeline(StandardScaler(), Ridge()),
            WHOLE,
            "string",
            "signature-mismatch",
            "calculates with n, .* declare it double",
        ),
        (make_pipeline(SimpleImputer(), Ridge()), WHOLE, "binary", "signature-mismatch", "declare it double"),
        (
            make_pipeline(StandardScaler(), Ridge()),
            DAY,
            "datetime",
            "model-unsupported",
            "calculates with the times of t",
        ),
        (LinearRegression(), DAY, "datetime", "model-unsupported", "whose unit is not the same in every file"),
        (
            make_pipeline(HOT, Ridge()),
            DAY.map(pd.Timestamp.date),
            "datetime",
            "signature-mismatch",
            "fitted with values of type date",
        ),
        (make_pipeline(SelectKBest(k=1), Ridge()), DAY, "datetime", "model-unsupported", "make numbers of them"),
    ],
)
def test_a_column_that_would_never_be_what_the_model_knows_is_refused(score, estimator, frame, declared, code, reason):
    model = estimator.fit(frame, VALUE)

    refused(score(model, stored(frame, "parquet").data, **{frame.columns[0]: declared}), code, reason)


@pytest.mark.parametrize(
    ("inputs", "reason"),
    [
        ({"a": "double"}, "requires city, which the signature doesn't have"),
        ({"a": "double", "City": "string?"}, "requires city"),
    ],
)
def test_an_input_that_the_signature_lacks_is_named(score, inputs, reason):
    model = make_pipeline(make_column_transformer((HOT, ["city"]), remainder="passthrough"), Ridge()).fit(FRAME, VALUE)

    refused(score(model, stored(FRAME, "parquet").data, **inputs), "signature-mismatch", reason)


def test_a_model_that_goes_by_place_has_as_many_inputs_as_the_signature(score):
    model = make_pipeline(HOT, Ridge()).fit(FRAME[["city"]].to_numpy(), VALUE)

    refused(
        score(model, stored(FRAME, "csv").data, city="string?", a="double"),
        "signature-mismatch",
        "requires 1 and the signature has 2",
    )
    agree(
        score(model, stored(FRAME, "csv").data, city="string?"),
        model.predict(FRAME[["city"]].to_numpy()),
        tolerance=1e-9,
    )


@pytest.mark.parametrize(
    ("model", "inputs", "known_as"),
    [
        (Ridge().fit(FRAME[["a"]].to_numpy(), VALUE), {"price": "double"}, (("price", "#1"),)),
        (
            make_pipeline(CountVectorizer(), Ridge()).fit(FRAME["city"].fillna("none"), VALUE),
            {"note": "string"},
            (("note", "#1"),),
        ),
        (
            lightgbm.LGBMRegressor(n_estimators=2, verbose=-1).fit(FRAME[["a"]].rename(columns={"a": "a b"}), VALUE),
            {"a b": "double"},
            (("a b", "a_b"),),
        ),
        (Ridge().fit(FRAME[["a"]], VALUE), {"more": "string", "a": "double"}, ()),
    ],
)
def test_what_the_model_calls_a_column_is_shown(tmp_path, model, inputs, known_as):
    joblib.dump(model, tmp_path / "model")
    source = Source(tmp_path / "model", None, columns(**inputs))

    find("sklearn").load(source)

    assert source.known_as == known_as
