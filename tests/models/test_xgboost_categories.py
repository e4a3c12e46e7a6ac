"""Categories in XGBoost's files: by value whatever their type and order, or refused."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import xgboost

from chassis.sandbox.child.conversion import Column
from tests.models import boosted
from tests.models.boosted import COUNT, ROWS, VALUE, agree_each, refused
from tests.models.harness import Result, columns, scored

RANDOM = np.random.default_rng(3)
TEXTS = ["Lyon", "Nice", "Brest", "", "a b", "'quoted'", '"double"', "back\\slash", "10"]
NUMBERS = [30, 10, 20, 7, 0]
KINDS: dict[str, tuple[Any, str]] = {
    "texts": (TEXTS, "string"),
    "pandas strings": (pd.array(TEXTS, dtype="string"), "string"),
    "arrow strings": (pd.array(TEXTS, dtype="string[pyarrow]"), "string"),
    "texts of numbers": (["10", "20", "30"], "string"),
    "texts of booleans": (["True", "False"], "string"),
    **{kind: (np.array(NUMBERS, dtype=kind), "long") for kind in ("int8", "int16", "int32", "int64", "uint8")},
    "negative": ([-5, 5, -500], "long"),
    "large": ([2**53 + 1, 2**53, -(2**62)], "long"),
    "narrow": ([3, 5, 9], "integer"),
    "whole doubles": ([3, 5, 9], "double"),
    "whole floats": ([3, 5, 9], "float"),
}


def chosen(values: Any, count: int = COUNT) -> pd.Categorical:
    """Each of the categories, in the order in which they are given, with some missing."""
    codes = np.concatenate([np.arange(len(values)), RANDOM.integers(-1, len(values), count - len(values))])
    return pd.Categorical.from_codes(codes, categories=pd.Index(values))


def trained(frame: pd.DataFrame, category: str = "city", **params: Any) -> xgboost.XGBRegressor:
    target = frame[category].cat.codes.to_numpy() ** 2 + frame["a"].fillna(0)
    return xgboost.XGBRegressor(n_estimators=20, n_jobs=1, enable_categorical=True, **params).fit(frame, target)


def score(model: xgboost.XGBModel, tmp_path: Any, data: pa.Table, *, file: str = "json", **types: str) -> Result:
    model.save_model(tmp_path / f"model.{file}")
    return scored("xgboost", tmp_path / f"model.{file}", inputs=columns(**types), outputs=VALUE, data=data)


def plain(frame: pd.DataFrame, kind: str) -> pa.Table:
    """As a parquet file has it: the values, in the signature's type."""
    city = pa.array(frame["city"].astype(object).where(frame["city"].notna(), None).tolist())
    return boosted.table(frame[["a"]]).append_column("city", city.cast(Column("city", kind).arrow_type))


@pytest.mark.parametrize("file", ["json", "ubj"])
@pytest.mark.parametrize("name", KINDS)
def test_a_category_is_found_by_its_value(tmp_path, name, file):
    values, kind = KINDS[name]
    frame = pd.DataFrame({"city": chosen(values), "a": ROWS["a"]})
    model = trained(frame)

    result = score(model, tmp_path, plain(frame, kind), file=file, city=f"{kind}?", a="double?")

    agree_each(result, VALUE, model.predict(frame), tolerance=2e-6)


@pytest.mark.parametrize("params", [{"max_cat_to_onehot": 1}, {"max_cat_to_onehot": 100}, {"booster": "dart"}])
def test_a_category_is_found_by_its_value_however_trees_are_split(tmp_path, params):
    frame = pd.DataFrame({"city": chosen(TEXTS), "a": ROWS["a"]})
    model = trained(frame, **params)

    result = score(model, tmp_path, plain(frame, "string"), city="string?", a="double?")

    agree_each(result, VALUE, model.predict(frame), tolerance=2e-6)


def test_a_native_booster_of_an_arrow_table_finds_categories_by_their_values(tmp_path):
    names = pa.array(RANDOM.choice(["Nice", "Aix", "Brest"], COUNT))
    rows = pa.table({"city": names.dictionary_encode(), "a": pa.array(ROWS["a"], from_pandas=True)})
    booster = xgboost.train({"nthread": 1}, xgboost.DMatrix(rows, boosted.SCORE, enable_categorical=True), 9)
    (tmp_path / "model").write_bytes(booster.save_raw("ubj"))
    data = rows.set_column(0, "city", names)

    result = scored("xgboost", tmp_path / "model", inputs=columns(a="double?", city="string"), outputs=VALUE, data=data)

    agree_each(result, VALUE, booster.predict(xgboost.DMatrix(rows, enable_categorical=True)), tolerance=2e-6)


@pytest.mark.parametrize("kind", ["double?", "float?"])
def test_a_number_that_is_not_one_is_a_missing_category(tmp_path, kind):
    frame = pd.DataFrame({"city": chosen(NUMBERS), "a": ROWS["a"]})
    model = trained(frame)

    result = score(model, tmp_path, boosted.table(frame.astype({"city": float})), city=kind, a="double?")

    agree_each(result, VALUE, model.predict(frame), tolerance=2e-6)


def test_a_linear_model_of_categories_is_nothing_that_the_library_trains():
    with pytest.raises(xgboost.core.XGBoostError, match="doesn't support categorical"):
        trained(pd.DataFrame({"city": chosen(NUMBERS), "a": ROWS["a"]}), booster="gblinear")


@pytest.mark.parametrize("seen", [["Zagreb"], ["Aachen"], ["Lyon", "Meaux"], [""]])
def test_a_category_that_training_did_not_see_is_refused_with_its_row_and_without_its_value(tmp_path, seen):
    frame = pd.DataFrame({"city": chosen(["Brest", "Lyon", "Nice"]), "a": ROWS["a"]})
    data = pa.table({"city": ["Lyon", "Brest", *seen], "a": [0.0] * (2 + len(seen))})

    result = score(trained(frame), tmp_path, data, city="string", a="double")

    refused(result, "model-failed", "city", "not trained with", "train it anew")
    assert not any(word in result.refused.message for word in seen if word and word != "Lyon")


WRONG_TYPES = [("string", NUMBERS), ("boolean", NUMBERS), ("long", TEXTS), ("double", TEXTS), ("boolean", TEXTS)]


@pytest.mark.parametrize(("kind", "values"), WRONG_TYPES)
def test_a_type_that_can_not_hold_the_categories_is_refused(tmp_path, kind, values):
    frame = pd.DataFrame({"city": chosen(values), "a": ROWS["a"]})

    result = score(trained(frame), tmp_path, boosted.table(ROWS), city=f"{kind}?", a="double?")

    refused(result, "signature-mismatch", "city", kind, f"declare it {'long' if values is NUMBERS else 'string'}")


@pytest.mark.parametrize("kind", ["float", "integer"])
def test_a_type_too_narrow_for_the_categories_is_refused(tmp_path, kind):
    frame = pd.DataFrame({"city": chosen([2**40 + 1, 2**40, 5]), "a": ROWS["a"]})

    result = score(trained(frame), tmp_path, boosted.table(ROWS), city=f"{kind}?", a="double?")

    refused(result, "signature-mismatch", "city", "declare it long")


@pytest.mark.parametrize("values", [["Lyon", "Nîmes", "Brest"], ["éa", "zz"], ["Łódź", "Kraków"], ["東京", "大阪"]])
@pytest.mark.parametrize("file", ["json", "ubj"])
def test_texts_beyond_ascii_which_this_version_writes_damaged_are_refused(tmp_path, values, file):
    frame = pd.DataFrame({"city": chosen(values), "a": ROWS["a"]})

    result = score(trained(frame), tmp_path, plain(frame, "string"), file=file, city="string?", a="double?")

    refused(result, "model-unsupported", "city", "beyond ASCII", "train the model anew")


def test_texts_beyond_ascii_of_a_version_that_writes_them_are_read(tmp_path):
    frame = pd.DataFrame({"city": chosen(["Lyon", "Nimes", "Brest"]), "a": ROWS["a"]})
    model = trained(frame)
    raw = json.loads(model.get_booster().save_raw("json"))
    held = raw["learner"]["gradient_booster"]["model"]["cats"]["enc"][0]
    held["values"] = list(np.frombuffer("LyonNîmesBrest".encode(), np.int8).tolist())
    held["offsets"] = [0, 4, 10, 15]
    raw["version"] = [3, 4, 0]
    (tmp_path / "model").write_text(json.dumps(raw))
    data = plain(frame.assign(city=frame["city"].cat.rename_categories({"Nimes": "Nîmes"})), "string")

    result = scored(
        "xgboost", tmp_path / "model", inputs=columns(city="string?", a="double?"), outputs=VALUE, data=data
    )

    agree_each(result, VALUE, model.predict(frame), tolerance=2e-6)


UNTRAINED = {
    "booleans": [True, False],
    "fractions": [0.5, 1.5],
    "dates": pd.to_datetime(["2024-01-01", "2025-01-01"]),
    "mixed": ["x", 1],
    "nullable": pd.array([1, 2], "Int64"),
    **{kind: np.array(NUMBERS, dtype=kind) for kind in ("uint16", "uint32", "uint64")},
}


@pytest.mark.parametrize("name", UNTRAINED)
def test_categories_of_other_types_are_nothing_that_the_library_trains(name):
    with pytest.raises((TypeError, xgboost.core.XGBoostError)):
        trained(pd.DataFrame({"city": chosen(UNTRAINED[name]), "a": ROWS["a"]}))


def by_codes(tmp_path: Any, version: list[int]) -> tuple[xgboost.Booster, pa.Table]:
    codes = RANDOM.integers(0, 5, COUNT)
    matrix = np.column_stack([codes, ROWS["a"]]).astype(np.float32)
    rows = xgboost.DMatrix(
        matrix, codes**2, feature_types=["c", "q"], feature_names=["city", "a"], enable_categorical=True
    )
    booster = xgboost.train({"nthread": 1}, rows, 9)
    raw = json.loads(booster.save_raw("json"))
    raw["version"] = version
    (tmp_path / "model").write_text(json.dumps(raw))
    return booster, boosted.table(pd.DataFrame({"city": codes, "a": ROWS["a"]}))


@pytest.mark.parametrize("kind", ["long", "integer", "double"])
def test_codes_that_were_trained_as_codes_are_codes(tmp_path, kind):
    booster, data = by_codes(tmp_path, [3, 2, 0])

    result = scored("xgboost", tmp_path / "model", inputs=columns(city=kind, a="double?"), outputs=VALUE, data=data)

    matrix = np.column_stack([data["city"], ROWS["a"]]).astype(np.float32)
    agree_each(result, VALUE, booster.inplace_predict(matrix, validate_features=False), tolerance=2e-6)


def test_codes_can_not_be_texts(tmp_path):
    _, data = by_codes(tmp_path, [3, 2, 0])

    result = scored("xgboost", tmp_path / "model", inputs=columns(city="string", a="double?"), data=data)

    refused(result, "signature-mismatch", "city", "holds no categories", "declare it a number")


@pytest.mark.parametrize("version", [[1, 7, 6], [2, 1, 4], [3, 0, 5]])
@pytest.mark.parametrize("kind", ["long", "string"])
def test_a_file_from_before_categories_were_kept_is_refused_where_a_tree_may_ask_for_one(tmp_path, version, kind):
    _, data = by_codes(tmp_path, version)

    result = scored("xgboost", tmp_path / "model", inputs=columns(city=kind, a="double?"), data=data)

    refused(result, "model-unsupported", "city", "before 3.1", "train the model anew")
