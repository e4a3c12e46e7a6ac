"""What a column has to be for an estimator, seen in what it was fitted with: kept to, or refused when it is loaded."""

import joblib
import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor, VotingRegressor
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler, TargetEncoder

from chassis.sandbox.child.formats import Source, find
from tests.models.harness import agree, columns, scored
from tests.models.stored_tables import KINDS, refused, sampled, stored

RANDOM = np.random.default_rng(31)
ROWS = 210
HOT = OneHotEncoder(handle_unknown="ignore")
ORDINAL = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
CITY = pd.Series(RANDOM.choice(["Lyon", "Nice", "Brest"], ROWS)).where(RANDOM.random(ROWS) > 0.3, np.nan)
FRAME = pd.DataFrame({"city": CITY, "a": RANDOM.normal(size=ROWS)})
VALUE = FRAME["city"].map({"Lyon": 1.0, "Nice": 2.0, "Brest": 3.0}).fillna(100.0) + FRAME["a"]


@pytest.fixture
def score(tmp_path):
    def inner(estimator, data, **inputs):
        joblib.dump(estimator, tmp_path / "model")
        given = columns(**{name.replace("__", " "): kind for name, kind in inputs.items()})
        return scored("sklearn", tmp_path / "model", inputs=given, data=data, row_group_size=33)

    return inner


ENCODERS = {
    "one-hot": HOT,
    "target": TargetEncoder(random_state=0),
    "ordinal, missing apart": OrdinalEncoder(encoded_missing_value=-5),
}
MISSING = {"NaN": np.nan, "None": None}
ENCODED = [(name, mark, kind) for name in ENCODERS for mark in MISSING for kind in KINDS]


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


DTYPES = {
    "whole": (pd.Series(RANDOM.choice([10, 20, 30], ROWS)), "long"),
    "small": (pd.Series(RANDOM.choice([1, 2], ROWS).astype("int8")), "integer"),
    "large": (pd.Series(RANDOM.choice([2**60, 2**60 + 1], ROWS)), "long"),
    "text": (pd.Series(RANDOM.choice(["x", "ÿ"], ROWS)), "string"),
    "flag": (pd.Series(RANDOM.random(ROWS) > 0.5), "boolean"),
    "real": (pd.Series(RANDOM.choice([0.1, 0.7], ROWS)), "double"),
    "single": (pd.Series(RANDOM.choice([0.5, 0.25], ROWS).astype("float32")), "float"),
}
CATEGORIES = [
    (name, missing, kind)
    for name in DTYPES
    for missing in (False, True)
    for kind in KINDS
    if not (name == "large" and missing)
]


@pytest.mark.parametrize(
    ("name", "missing", "kind"), sampled(CATEGORIES, 4, ids=[f"{n} {m} {k}" for n, m, k in CATEGORIES])
)
def test_categories_of_every_type_are_found_by_their_values(score, name, missing, kind):
    values, declared = DTYPES[name]
    plain = values.convert_dtypes(convert_floating=False, infer_objects=False) if missing else values
    frame = pd.DataFrame({"group": plain.mask(RANDOM.random(ROWS) < 0.2) if missing else plain, "a": FRAME["a"]})
    read = stored(frame, kind)
    trained = read.frame.astype({"group": "category"})
    model = HistGradientBoostingClassifier(max_iter=12, min_samples_leaf=3).fit(trained, values == values[0])

    result = score(model, read.data, a="double", group=declared + "?" * missing)

    agree(result, model.predict(trained))


BOOSTED = {
    "LightGBM": lightgbm.LGBMRegressor(n_estimators=12, min_child_samples=3, verbose=-1),
    "XGBoost": xgboost.XGBRegressor(n_estimators=12, enable_categorical=True),
    "LightGBM in a vote": VotingRegressor(
        [("a", lightgbm.LGBMRegressor(n_estimators=5, min_child_samples=3, verbose=-1))]
    ),
    "XGBoost in a pipeline": make_pipeline(
        "passthrough", xgboost.XGBRFRegressor(n_estimators=5, enable_categorical=True)
    ),
}
BOOSTED_CASES = [(name, kind) for name in BOOSTED for kind in KINDS]


@pytest.mark.parametrize(("name", "kind"), sampled(BOOSTED_CASES, 3, ids=[" ".join(each) for each in BOOSTED_CASES]))
def test_boosted_estimators_get_the_categories_that_they_were_fitted_with(score, name, kind):
    frame = FRAME.assign(store=RANDOM.choice([10, 20, 30], ROWS), flag=RANDOM.random(ROWS) > 0.5)
    trained = frame.astype({"city": "category", "store": "category"})
    model = BOOSTED[name].fit(trained, VALUE + (frame["store"] == 20))
    gone = frame.assign(flag=frame["flag"].astype("boolean").mask(RANDOM.random(ROWS) < 0.2))
    expected = trained.assign(flag=gone["flag"].astype("float"))

    result = score(model, stored(gone, kind).data, store="long", flag="boolean?", a="double", city="string?")

    agree(result, model.predict(expected), tolerance=1e-6)


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


def test_columns_that_a_transformer_drops_need_not_be_there(score):
    frame = FRAME.assign(id=range(ROWS), more=1.0)
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
