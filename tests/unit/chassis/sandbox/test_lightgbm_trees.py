"""A LightGBM tree's lists: as long as they must be, and pointing where they may."""

import re

import lightgbm
import numpy as np
import pandas as pd
import pytest

from chassis.sandbox.child.lightgbm_trees import check_tree

RANDOM = np.random.default_rng(7)
ROWS = pd.DataFrame(RANDOM.normal(size=(300, 3)), columns=["a", "b", "c"])
ROWS["d"] = pd.Categorical(RANDOM.integers(0, 40, 300))
TARGET = ROWS["a"] * 2 + ROWS["d"].cat.codes % 5
QUIET = {"verbose": -1, "num_threads": 1, "num_leaves": 6, "min_data_per_group": 1, "cat_smooth": 1}


def trees(**fields) -> list[str]:
    """Of a model, from each `Tree=` on."""
    text = lightgbm.train({**QUIET, **fields}, lightgbm.Dataset(ROWS, TARGET), 5).model_to_string()
    return re.findall(r"Tree=\d+\n.*?\n\n\n", text, re.DOTALL)


def changed(text: str, key: str, change) -> str:
    """With other elements in one of its lists."""
    return re.sub(rf"(?m)^{key}=(.*)$", lambda found: f"{key}={' '.join(change(found[1].split()))}", text)


@pytest.mark.parametrize(
    "fields", [{}, {"linear_tree": True}, {"boosting": "dart"}, {"min_gain_to_split": 1e9}, {"num_leaves": 2}], ids=str
)
def test_what_the_library_writes_is_whole(fields):
    found = trees(**fields)
    assert found
    for text in found:
        check_tree(text, features=4)


CATEGORICAL = next(each for each in trees() if "num_cat=0" not in each)
LINEAR = next(each for each in trees(linear_tree=True) if re.search(r"leaf_features=.*\d", each))
LISTS = ("left_child", "right_child", "split_feature", "threshold", "decision_type", "leaf_value", "leaf_weight",
         "leaf_count", "split_gain", "internal_value", "cat_boundaries", "cat_threshold")  # fmt: skip


@pytest.mark.parametrize("key", LISTS)
@pytest.mark.parametrize("how", ["shorter", "longer", "no number", "empty"])
def test_a_list_of_another_length_is_refused(key, how):
    change = {
        "shorter": lambda values: values[:-1],
        "longer": lambda values: [*values, values[-1]],
        "no number": lambda values: ["x", *values[1:]],
        "empty": lambda values: [],
    }[how]
    with pytest.raises(ValueError):  # noqa: PT011
        check_tree(changed(CATEGORICAL, key, change), features=4)


@pytest.mark.parametrize("key", ["left_child", "right_child"])
@pytest.mark.parametrize("child", ["0", "1", "4", "5", "100000000", "-7", "-100000000", "2147483648"])
def test_a_child_that_is_another_ones_or_nowhere_is_refused(key, child):
    text = changed(CATEGORICAL, key, lambda values: [child if child != values[0] else "0", *values[1:]])
    with pytest.raises(ValueError):  # noqa: PT011
        check_tree(text, features=4)


@pytest.mark.parametrize(
    ("key", "value"),
    [("split_feature", "4"), ("split_feature", "-1"), ("num_leaves", "100000000"), ("num_leaves", "0"),
     ("num_leaves", "-1"), ("num_cat", "0"), ("num_cat", "99"), ("cat_boundaries", "-1"), ("num_cat", "-1")],
)  # fmt: skip
def test_a_number_that_points_elsewhere_is_refused(key, value):
    with pytest.raises((ValueError, KeyError)):
        check_tree(changed(CATEGORICAL, key, lambda values: [value, *values[1:]]), features=4)


@pytest.mark.parametrize("key", ["leaf_features", "leaf_coeff", "num_features"])
@pytest.mark.parametrize("value", ["99", "-1"])
def test_a_linear_leaf_that_weighs_other_inputs_is_refused(key, value):
    text = changed(LINEAR, key, lambda values: [*values, value] if key == "leaf_coeff" else [value, *values[1:]])
    with pytest.raises(ValueError):  # noqa: PT011
        check_tree(text, features=4)


@pytest.mark.parametrize("line", ["no equals sign", "left_child=1 2", "a=1\rb=2"])
def test_lines_that_the_library_would_read_otherwise_are_refused(line):
    with pytest.raises(ValueError):  # noqa: PT011
        check_tree(CATEGORICAL.replace("num_cat", f"{line}\nnum_cat", 1), features=4)
