"""XGBoost's files: lists are as long as they must be and point where they may, or the library doesn't see them."""

import copy
import functools
import json
import struct
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
import xgboost

from chassis.sandbox.child.xgboost_trees import check_model
from tests.unit.chassis.sandbox.xgboost_forks import harmful

RANDOM = np.random.default_rng(7)
ROWS = pd.DataFrame(RANDOM.normal(size=(200, 3)), columns=["a", "b", "c"])
CODED = ROWS.assign(
    d=pd.Categorical(RANDOM.choice(["red", "green", "blue"], 200)), e=pd.Categorical(RANDOM.integers(0, 20, 200))
)
TARGET = 2 * ROWS["a"].to_numpy() - ROWS["b"].to_numpy() + CODED["d"].cat.codes.to_numpy()
FIT: dict[str, Any] = {"n_estimators": 2, "max_depth": 3, "n_jobs": 1}
REFUSED = (ValueError, LookupError, TypeError, RecursionError)
NUMBERS = (-1, -2, 0, 1, 2, 14, 15, 1000, 10**6, 2**31 - 1, -(2**31), 2**63)
GONE = object()


def trained() -> dict[str, tuple[xgboost.Booster, int]]:
    """Of every kind, with the number of its inputs."""
    classes = np.digitize(TARGET, [-1, 1])
    made = {
        "values": xgboost.XGBRegressor(**FIT).fit(ROWS, TARGET),
        "classes": xgboost.XGBClassifier(**FIT, num_parallel_tree=2).fit(ROWS, classes),
        "pruned": xgboost.XGBRegressor(**FIT, gamma=30, tree_method="exact").fit(ROWS, TARGET),
        "dropped": xgboost.XGBRegressor(**FIT, booster="dart", rate_drop=0.5).fit(ROWS, TARGET),
        "linear": xgboost.XGBRegressor(booster="gblinear", n_estimators=2, n_jobs=1).fit(ROWS, TARGET),
        "coded": xgboost.XGBRegressor(**FIT, enable_categorical=True, max_cat_to_onehot=1).fit(CODED, TARGET),
        "vectors": xgboost.XGBRegressor(**FIT, multi_strategy="multi_output_tree", tree_method="hist").fit(
            ROWS, np.column_stack([TARGET, -TARGET])
        ),
    }
    return {name: (each.get_booster(), CODED.shape[1] if name == "coded" else 3) for name, each in made.items()}


MODELS = trained()
DOCUMENTS = {name: json.loads(bytes(model.save_raw("json"))) for name, (model, _) in MODELS.items()}


def places(node: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """All fields but those that say nothing of numbers; of trees the last alone."""
    items = node.items() if isinstance(node, dict) else ()
    if isinstance(node, list) and node and isinstance(node[0], dict):
        items = [(place, each) for place, each in enumerate(node) if path[-1] == "enc" or place == len(node) - 1]
    for key, inner in items:
        if key not in ("attributes", "version", "objective", "feature_names", "feature_types"):
            yield from ((*path, key), *places(inner, (*path, key)))


def damages(value: Any) -> Iterator[Any]:
    """What may stand in a field's place."""
    yield from (None, "x", {}, [])
    if isinstance(value, str):
        yield from map(str, NUMBERS)
    elif isinstance(value, int):
        yield from NUMBERS
    elif isinstance(value, list) and value:
        yield from (value[:-1], value[: len(value) // 2], [*value, value[-1]])
        if not isinstance(value[0], dict):
            for at in {0, len(value) // 2, len(value) - 1}:
                yield from ([*value[:at], number, *value[at + 1 :]] for number in NUMBERS if number != value[at])


def damaged(document: dict[str, Any]) -> Iterator[tuple[str, bytes]]:
    """The same file with one field missing, or another."""
    text = json.dumps(document)
    for *way, key in places(document):
        for other in (GONE, *damages(at(document, [*way, key]))):
            changed = json.loads(text)
            if other is GONE:
                del at(changed, way)[key]
            else:
                at(changed, way)[key] = other
            yield f"{'.'.join(map(str, (*way[2:], key)))} = {str(other)[:20]}", json.dumps(changed).encode()


def at(node: Any, way: Sequence[Any]) -> Any:
    return functools.reduce(lambda found, key: found[key], way, node)


def passes(raw: bytes) -> bool:
    try:
        check_model(raw)
    except REFUSED:
        return False
    return True


@pytest.mark.parametrize("kind", ["json", "ubj"])
@pytest.mark.parametrize("name", MODELS)
def test_what_the_library_writes_is_whole(name, kind):
    check_model(bytes(MODELS[name][0].save_raw(kind)))


@pytest.mark.parametrize("every", [17, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", MODELS)
def test_a_field_that_is_damaged_is_refused_or_harms_nobody(name, every):
    inputs = MODELS[name][1]
    files = list(damaged(DOCUMENTS[name]))
    passing = [(how, raw) for how, raw in files if passes(raw)]
    assert len(passing) < len(files)
    assert harmful(passing[::every], inputs) == []


TREE = ("gradient_booster", "model", "trees", -1)
MODEL = TREE[:2]
WRONG = [
    ("values", (*TREE, "left_children", 0), 0), ("values", (*TREE, "left_children", 0), 10**6),
    ("values", (*TREE, "left_children", 0), -2), ("values", (*TREE, "right_children", 1), 2),
    ("values", (*TREE, "right_children", 0), -1), ("values", (*TREE, "split_indices", 0), 3),
    ("values", (*TREE, "split_indices", 0), -1), ("values", (*TREE, "parents", 1), 10**6),
    ("values", (*TREE, "id"), 0), ("values", (*TREE, "id"), 2), ("values", (*MODEL, "tree_info", 0), 1),
    ("values", (*MODEL, "tree_info", 0), -1), ("values", (*MODEL, "iteration_indptr", 0), -1),
    ("values", (*TREE, "tree_param", "size_leaf_vector"), "2"), ("classes", (*MODEL, "tree_info", 0), 3),
    ("values", ("learner_model_param", "num_class"), "1000000"), ("classes", ("learner_model_param", "num_class"), "5"),
    ("values", ("learner_model_param", "num_feature"), "1"), ("linear", ("learner_model_param", "num_class"), "15"),
    ("linear", ("learner_model_param", "num_feature"), "9"), ("linear", (*MODEL, "weights"), [1.0]),
    ("dropped", ("gradient_booster", "weight_drop"), [1.0]), ("coded", (*TREE, "categories"), []),
    ("coded", (*TREE, "categories_nodes", 0), 10**6), ("coded", (*TREE, "categories_sizes", 0), 10**6),
    ("coded", (*TREE, "categories_segments", 0), -1), ("coded", (*TREE, "categories", 0), -1),
    ("coded", (*TREE, "split_type", 0), 2), ("vectors", (*TREE, "leaf_weights"), []),
    ("vectors", (*TREE, "right_children", -1), 10**6), ("vectors", ("learner_model_param", "num_target"), "1"),
    ("coded", (*MODEL, "cats", "enc", 3, "offsets", 1), 10**6), ("coded", (*MODEL, "cats", "sorted_idx", 0), 10**6),
]  # fmt: skip


@pytest.mark.parametrize(("name", "path", "value"), WRONG, ids=str)
def test_what_the_library_would_follow_out_of_its_memory_is_refused(name, path, value):
    document = copy.deepcopy(DOCUMENTS[name])
    holder = at(document["learner"], path[:-1])
    assert holder[path[-1]] != value
    holder[path[-1]] = value
    assert not passes(json.dumps(document).encode())


def test_ubjson_that_is_cut_off_anywhere_is_refused():
    raw = bytes(MODELS["coded"][0].save_raw("ubj"))
    assert [end for end in range(len(raw)) if passes(raw[:end])] == []


@pytest.mark.parametrize("length", [-1, 2**40, 2**63 - 1])
def test_a_text_or_list_that_would_reach_beyond_the_file_is_refused(length):
    raw = bytes(MODELS["values"][0].save_raw("ubj"))
    for mark in (b"left_children[$l#L", b"feature_names[#L", b"num_featureSL"):
        at = raw.index(mark) + len(mark)
        assert not passes(raw[:at] + struct.pack(">q", length) + raw[at + 8 :])


@pytest.mark.parametrize("name", ["left_children", "num_class"])
def test_a_name_that_is_there_twice_is_refused(name):
    text = json.dumps(DOCUMENTS["values"])
    at = text.index(f'"{name}"')
    assert passes(text.encode())
    assert not passes(f'{text[:at]}"{name}": 0, {text[at:]}'.encode())


def test_an_escape_that_the_library_leaves_as_it_is_makes_no_other_name():
    text = json.dumps(DOCUMENTS["values"])
    assert not passes(text.replace("left_children", "left\\u005fchildren").encode())
    assert passes(text.replace('"feature_names": ["a"', '"feature_names": ["\\\\u0061\\u0061"').encode())
