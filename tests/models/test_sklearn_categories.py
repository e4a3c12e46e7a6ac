"""Columns of type category: found by their values, in the order that the estimator was fitted with."""

from functools import partial

import lightgbm
import pandas as pd
import pytest
import xgboost
from sklearn.ensemble import HistGradientBoostingClassifier, VotingRegressor
from sklearn.pipeline import make_pipeline

from tests.models.harness import agree
from tests.models.sklearn_tables import FRAME, RANDOM, ROWS, VALUE, score_estimator
from tests.models.stored_tables import KINDS, sampled, stored

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


@pytest.fixture
def score(tmp_path):
    return partial(score_estimator, tmp_path)


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
