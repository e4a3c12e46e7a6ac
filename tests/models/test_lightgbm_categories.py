"""Categories in LightGBM's files: lists without names, found by type and by what training saw, or refused."""

from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from chassis.sandbox.child.conversion import Column
from tests.models import boosted
from tests.models.boosted import COUNT, ROWS, VALUE, agree_each, refused
from tests.models.harness import Result, columns, scored

RANDOM = np.random.default_rng(4)
QUIET = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5, "min_data_per_group": 5, "cat_smooth": 1.0}
TEXTS = ["Lyon", "Nîmes", "Brest", "", "a b", '"quoted"', "back\\slash", "東京", "10"]
KINDS: dict[str, tuple[Any, str]] = {
    "texts": (TEXTS, "string"),
    "pandas strings": (pd.array(TEXTS, dtype="string"), "string"),
    "texts of numbers": (["10", "20", "30"], "string"),
    "integers": ([30, 10, 20], "long"),
    "narrow integers": (np.array([30, 10, 20], dtype="int8"), "integer"),
    "unsigned": (np.array([30, 10, 20], dtype="uint32"), "long"),
    "nullable integers": (pd.array([30, 10, 20], dtype="Int64"), "long"),
    "large integers": ([2**53 + 1, 2**53, -(2**62)], "long"),
    "booleans": ([True, False], "boolean"),
    "doubles": ([0.1, 1.5, -0.0], "double"),
    "floats": (np.array([0.1, 1.5, 7], dtype="float32"), "float"),
    "floats as doubles": (np.array([0.1, 1.5, 7], dtype="float32"), "double"),
    "whole doubles as longs": ([10.0, 20.0, 30.0], "long"),
    "integers as doubles": ([30, 10, 20], "double"),
}


def chosen(values: Any, *, ordered: bool = False, missing: int = 1) -> pd.Categorical:
    codes = np.concatenate([np.arange(len(values)), RANDOM.integers(-missing, len(values), COUNT - len(values))])
    return pd.Categorical.from_codes(codes, categories=pd.Index(values), ordered=ordered)


def trained(frame: pd.DataFrame, **params: Any) -> lightgbm.Booster:
    """On a target that depends on each of the columns."""
    parts = [
        frame[name].cat.codes.to_numpy() % 3 if isinstance(frame[name].dtype, pd.CategoricalDtype) else frame[name]
        for name in frame
    ]
    target = sum(np.nan_to_num(np.asarray(part, dtype=float)) * (place + 1) for place, part in enumerate(parts))
    return lightgbm.train(QUIET, lightgbm.Dataset(frame, target, **params), 30)


def plain(frame: pd.DataFrame, **types: str) -> pa.Table:
    """As a parquet file has it: the values, in the signature's types."""
    arrays = {
        name: pa.array(frame[name].astype(object).where(frame[name].notna(), None).tolist()).cast(
            Column(name, types[name].rstrip("?")).arrow_type
        )
        for name in frame
    }
    return pa.table(arrays)


def score(booster: lightgbm.Booster | str, tmp_path: Any, data: pa.Table, **types: str) -> Result:
    text = booster if isinstance(booster, str) else booster.model_to_string()
    (tmp_path / "model").write_bytes(text.encode())
    return scored("lightgbm", tmp_path / "model", inputs=columns(**types), outputs=VALUE, data=data)


@pytest.mark.parametrize("ordered", [False, True])
@pytest.mark.parametrize("name", KINDS)
def test_a_category_is_found_by_its_value(tmp_path, name, ordered):
    values, kind = KINDS[name]
    frame = pd.DataFrame({"city": chosen(values, ordered=ordered), "a": ROWS["a"]})
    booster = trained(frame)
    types = {"city": f"{kind}?", "a": "double?"}

    result = score(booster, tmp_path, plain(frame, **types), **types)

    agree_each(result, VALUE, booster.predict(frame), tolerance=1e-9)


def test_a_category_that_training_did_not_see_is_a_missing_one(tmp_path):
    frame = pd.DataFrame({"city": chosen(["Brest", "Caen", "Lyon"]), "a": ROWS["a"]})
    booster = trained(frame)
    odd = frame.assign(city=pd.Categorical(RANDOM.choice(["Zagreb", "Caen", "", "Lyon", "caen"], COUNT)))

    result = score(booster, tmp_path, plain(odd, city="string", a="double?"), city="string?", a="double?")

    agree_each(result, VALUE, booster.predict(odd), tolerance=1e-9)


def several_kinds() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "week": RANDOM.integers(0, 52, COUNT),
            "promo": chosen([False, True]),
            "store": chosen([30, 10, 20]),
            "a": ROWS["a"],
            "size": chosen(["S", "M", "L"], ordered=True),
            "rate": chosen([0.5, 1.5]),
            "city": chosen(["Lyon", "Nice"]),
            "single": pd.Categorical(["only"] * COUNT),
            "single_number": pd.Categorical([5] * COUNT),
        }
    )


TYPES = {"week": "long", "promo": "boolean?", "store": "long?", "a": "double?", "size": "string?", "rate": "double?"}
TYPES |= {"city": "string?", "single": "string", "single_number": "long"}


def test_each_list_of_categories_is_found_among_inputs_of_all_kinds(tmp_path):
    frame = several_kinds()
    booster = trained(frame)
    shuffled = dict(reversed(TYPES.items())) | {"other": "string?"}

    result = score(booster, tmp_path, plain(frame, **TYPES), **shuffled)

    agree_each(result, VALUE, booster.predict(frame), tolerance=1e-9)


@pytest.mark.parametrize(
    ("name", "kind"), [("store", "string"), ("promo", "string"), ("city", "long"), ("rate", "long")]
)
def test_a_type_that_can_not_hold_the_categories_is_refused(tmp_path, name, kind):
    frame = several_kinds()[["promo", "store", "a", "rate", "city"]]

    result = score(
        trained(frame), tmp_path, plain(frame, **TYPES), **{each: TYPES[each] for each in frame} | {name: kind}
    )

    refused(result, "signature-mismatch", name, kind, f"declare it {TYPES[name].rstrip('?')}")


def test_a_number_declared_as_text_beside_categories_is_refused_by_name(tmp_path):
    frame = pd.DataFrame({"city": chosen(["Lyon", "Nice"]), "a": ROWS["a"]})

    result = score(trained(frame), tmp_path, plain(frame, city="string", a="double"), city="string?", a="string?")

    refused(result, "signature-mismatch", "a is of type string", "declare it a number")


def test_a_float_that_would_round_the_categories_is_refused(tmp_path):
    frame = pd.DataFrame({"city": chosen([0.1, 1.5]), "a": ROWS["a"]})

    result = score(trained(frame), tmp_path, plain(frame, city="double", a="double"), city="float?", a="double?")

    refused(result, "signature-mismatch", "city", "declare it double")


@pytest.mark.parametrize("given", [["kind"], [1]])
def test_integers_that_are_categories_without_a_list_are_their_own_values(tmp_path, given):
    frame = pd.DataFrame({"a": ROWS["a"], "kind": RANDOM.integers(0, 9, COUNT)})
    booster = trained(frame, categorical_feature=given)
    data = plain(frame.assign(kind=frame["kind"] + (np.arange(COUNT) % 7 == 0) * 50), a="double", kind="long")

    result = score(booster, tmp_path, data, kind="long", a="double?")

    agree_each(result, VALUE, booster.predict(data.to_pandas()), tolerance=1e-9)


def test_integers_by_place_in_a_matrix_are_their_own_values(tmp_path):
    matrix = np.column_stack([ROWS["a"], RANDOM.integers(0, 9, COUNT)])
    booster = lightgbm.train(
        QUIET, lightgbm.Dataset(matrix, matrix[:, 1] % 3, categorical_feature=[1], free_raw_data=False), 9
    )
    data = boosted.table(pd.DataFrame(matrix, columns=["a", "kind"]))

    result = score(booster, tmp_path, data, a="double?", kind="double")

    agree_each(result, VALUE, booster.predict(matrix), tolerance=1e-9)


def test_a_list_beside_integers_that_are_categories_is_found_by_what_training_saw(tmp_path):
    frame = pd.DataFrame({"kind": RANDOM.integers(0, 9, COUNT), "store": chosen([30, 10, 20]), "a": ROWS["a"]})
    booster = trained(frame, categorical_feature=["kind", "store"])
    types = {"kind": "long", "store": "long?", "a": "double?"}

    result = score(booster, tmp_path, plain(frame, **types), **types)

    agree_each(result, VALUE, booster.predict(frame), tolerance=1e-9)


AMBIGUOUS = {
    "two integer categories of which one has a list": (["kind", "store"], False),
    "an ordered list beside small numbers": ("auto", True),
}


@pytest.mark.parametrize("name", AMBIGUOUS)
def test_a_list_that_may_be_of_two_inputs_is_refused(tmp_path, name):
    given, ordered = AMBIGUOUS[name]
    store = chosen([30, 10, 20], ordered=ordered, missing=0)
    frame = pd.DataFrame({"kind": RANDOM.integers(0, 3, COUNT), "store": store, "a": ROWS["a"]})
    booster = trained(frame, categorical_feature=given)
    types = {"kind": "long", "store": "long", "a": "double?"}

    result = score(booster, tmp_path, plain(frame, **types), **types)

    refused(result, "model-unsupported", "kind", "store", "make them texts")


def test_a_file_that_lost_its_categories_is_refused(tmp_path):
    frame = pd.DataFrame({"city": chosen(["Lyon", "Nice"]), "a": ROWS["a"]})
    text = trained(frame).model_to_string()
    data = plain(frame, city="string", a="double")

    lost = score(text[: text.index("pandas_categorical")], tmp_path, data, city="string?", a="double?")

    refused(lost, "signature-mismatch", "city", "holds no categories")


def test_categories_of_mixed_types_are_refused(tmp_path):
    frame = pd.DataFrame({"city": chosen(["Lyon", 5]), "a": ROWS["a"]})

    result = score(trained(frame), tmp_path, boosted.table(ROWS), city="string?", a="double?")

    refused(result, "model-unsupported", "city", "neither all texts")


def test_dates_as_categories_are_nothing_that_the_library_saves():
    frame = pd.DataFrame({"city": chosen(pd.to_datetime(["2024-01-01", "2025-01-01"])), "a": ROWS["a"]})

    with pytest.raises((TypeError, ValueError)):
        trained(frame).model_to_string()
