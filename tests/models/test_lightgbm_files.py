"""LightGBM's text files: names that it rewrites, line ends, and files that are cut off, changed or something else."""

import pickle
import re
from typing import Any

import lightgbm
import numpy as np
import pandas as pd
import pytest

from chassis.sandbox.child.conversion import Column
from tests.models import boosted
from tests.models.boosted import COUNT, INPUTS, ROWS, VALUE, agree_each, refused
from tests.models.harness import Result, scored

QUIET = {"verbose": -1, "num_threads": 1, "min_data_in_leaf": 5}
RANDOM = np.random.default_rng(5)


def score(text: str | bytes, tmp_path: Any, frame: pd.DataFrame, *names: str) -> Result:
    """With the inputs `names`, any of which may be missing."""
    (tmp_path / "model").write_bytes(text if isinstance(text, bytes) else text.encode())
    inputs = tuple(Column(name, "double", required=False) for name in names)
    return scored("lightgbm", tmp_path / "model", inputs=inputs, outputs=VALUE, data=boosted.table(frame))


def of(names: list[Any]) -> tuple[pd.DataFrame, lightgbm.Booster]:
    """A frame with such columns, and a model of it in which each counts for something else."""
    frame = pd.DataFrame(RANDOM.normal(size=(COUNT, len(names))), columns=names)
    target = frame.to_numpy() @ np.arange(1, len(names) + 1)
    return frame, lightgbm.train(QUIET, lightgbm.Dataset(frame, target), 20, keep_training_booster=True)


NAMES = [
    ["unit price", "stock"],
    ["two  spaces", " leading", "trailing ", "a b c"],
    ["é", "日本", "prix d’été", "😀", "e\u0301"],
    ["no-break\u00a0space", "tab\there", "line\u2028separator", "\u3000", "zero\u200bwidth", "\x01"],
    ["a=b", "Tree=1", "tree_sizes=5", "version=v1", "end of trees", "feature_infos"],
    ["back\\slash", "quo'te", "semi;colon", "<tag>", "(round)", "#", "%s", "a/b"],
    ["_", "__", "_ _ _", "Column_1", "f0"],
    ["Column 1", "Column 0"],
    [2, 1, 0],
    ["b", "c.d"],
]


@pytest.mark.parametrize("names", NAMES, ids=str)
def test_an_input_is_the_column_of_its_name_in_any_order(tmp_path, names):
    frame, booster = of(names)
    shown = [str(name) for name in reversed(names)]

    result = score(booster.model_to_string(), tmp_path, frame.set_axis(map(str, frame.columns), axis=1), *shown)

    agree_each(result, VALUE, booster.predict(frame), tolerance=1e-9)


@pytest.mark.parametrize("character", list('",:[]{}'))
def test_names_that_the_library_does_not_write_are_nothing_that_it_trains(character):
    with pytest.raises(lightgbm.basic.LightGBMError, match="special JSON"):
        of([f"a{character}b", "c"])


@pytest.mark.parametrize("name", ["", "line\nend", "carriage\rreturn", "\n"])
def test_names_that_the_library_can_not_read_back_are_refused(tmp_path, name):
    frame, booster = of([name, "b"])

    result = score(booster.model_to_string(), tmp_path, frame, name, "b")

    refused(result, "artifact-unreadable", "names of the inputs", "rename the columns")


@pytest.mark.parametrize("trained", ["unit_price", "unit price"])
@pytest.mark.parametrize("order", [("unit_price", "unit price", "b"), ("b", "unit price", "unit_price")])
def test_a_column_that_would_be_written_as_another_ones_name_is_refused(tmp_path, trained, order):
    frame, booster = of([trained, "b"])
    other = "unit price" if trained == "unit_price" else "unit_price"

    result = score(booster.model_to_string(), tmp_path, frame.assign(**{other: 50.0}), *order)

    refused(result, "signature-mismatch", "unit_price", "unit price", "rename all but one")


@pytest.mark.parametrize(
    ("trained", "other"), [("a_b_c", "a b c"), ("a_b_c", "a_b c"), ("_x", " x"), ("x_", "x "), ("x", "x\0y")]
)
def test_any_two_columns_that_would_be_written_alike_are_refused(tmp_path, trained, other):
    _, booster = of([trained, "b"])

    result = score(booster.model_to_string(), tmp_path, ROWS, trained, "b", other)

    refused(result, "signature-mismatch", trained, "rename all but one")


@pytest.mark.parametrize("near", ["unit-price", "unit\u00a0price", "Unit_price", "unitprice", "unit__price"])
def test_a_column_whose_name_is_only_alike_is_not_the_models(tmp_path, near):
    frame, booster = of(["unit price", "b"])

    result = score(booster.model_to_string(), tmp_path, frame, near, "b")

    refused(result, "signature-mismatch", "unit_price", "doesn't have")


def test_two_inputs_of_one_name_are_refused(tmp_path):
    frame, booster = of(["a_b", "a_c"])
    text = booster.model_to_string().replace("a_c", "a_b")

    refused(score(text, tmp_path, frame, "a_b", "a_c"), "model-unsupported", "two inputs", "a_b")


@pytest.mark.parametrize("names", [["a", "b"], ["Column 0", "Column 1"], ["Column 1", "Column 0"]])
def test_a_model_without_names_goes_by_place_but_for_columns_of_the_very_names(tmp_path, names):
    matrix = RANDOM.normal(size=(COUNT, 2))
    booster = lightgbm.train(QUIET, lightgbm.Dataset(matrix, matrix[:, 0] * 3 + matrix[:, 1]), 20)
    frame = pd.DataFrame(matrix, columns=names)
    taken = matrix[:, ::-1] if names == ["Column 1", "Column 0"] else matrix

    result = score(booster.model_to_string(), tmp_path, frame, *names)

    agree_each(result, VALUE, booster.predict(taken), tolerance=1e-9)


ENDS = {
    "as written": lambda raw: raw,
    "line ends of Windows": lambda raw: raw.replace(b"\n", b"\r\n"),
    "line ends of Windows in the last line": lambda raw: raw[:-60] + raw[-60:].replace(b"\n", b"\r\n"),
    "blanks at the end": lambda raw: raw + b"\n" * 40,
    "no blanks at the end": lambda raw: raw.rstrip(),
}


@pytest.mark.parametrize("name", ENDS)
@pytest.mark.parametrize("kind", ["numbers", "categories"])
def test_line_ends_change_nothing(tmp_path, name, kind):
    frame = ROWS[["a", "b"]].assign(c=pd.Categorical(RANDOM.choice([30, 10, 20], COUNT)))
    frame = frame if kind == "categories" else frame.astype({"c": float})
    booster = lightgbm.train(QUIET, lightgbm.Dataset(frame, boosted.SCORE + frame["c"].astype(float)), 9)
    booster.save_model(tmp_path / "model")
    raw = ENDS[name]((tmp_path / "model").read_bytes())

    result = score(raw, tmp_path, frame.astype({"c": float}), "a", "b", "c")

    agree_each(result, VALUE, booster.predict(frame), tolerance=1e-9)


def older(text: str, version: str) -> str:
    """As versions before 4 wrote it: no linear trees, and before 3 no weights of leaves and nodes either."""
    text = re.sub("(?m)^is_linear=.*\n", "", text).replace("version=v4", f"version={version}")
    if version == "v2":
        text = re.sub("(?m)^(leaf_weight|internal_weight)=.*\n", "", text)
    trees = text[text.index("Tree=0") : text.index("end of trees")]
    sizes = " ".join(str(len(f"Tree={tree}".encode())) for tree in trees.split("Tree=")[1:])
    return re.sub("(?m)^tree_sizes=.*$", f"tree_sizes={sizes}", text)


@pytest.mark.parametrize("version", ["v3", "v2"])
def test_a_text_of_an_older_version_is_scored(tmp_path, version):
    frame, booster = of(["a b", "c", "d"])

    result = score(older(booster.model_to_string(), version), tmp_path, frame, "d", "a b", "c")

    agree_each(result, VALUE, booster.predict(frame), tolerance=1e-9)


def spoiled() -> dict[str, bytes]:
    booster = lightgbm.train(QUIET, lightgbm.Dataset(ROWS, boosted.SCORE), 5)
    raw = booster.model_to_string().encode()
    trees = raw.index(b"Tree=0")
    last = raw.splitlines()[-1]
    assert last == b"pandas_categorical:[]"
    sizes = raw[raw.index(b"tree_sizes=") : raw.index(b"\n\nTree=0")]
    return {
        "nothing": b"",
        "a blank": b"\n",
        "a pickle": pickle.dumps(booster),
        "a JSON dump": str(booster.dump_model()).encode(),
        "bytes": bytes(range(256)),
        "another text": b"hello\n",
        "its first line": b"tree\n",
        "its header": raw[:trees],
        "half of its trees": raw[: trees + 900],
        "its trees": raw[: raw.index(b"end of trees") + 13],
        "its trees and what they count": raw[: raw.index(b"parameters:")],
        "half of its settings": raw[: raw.index(b"[num_leaves")],
        "half of its last line": raw.rstrip()[:-2],
        "other sizes of trees": raw.replace(sizes, sizes.replace(b" ", b"1 ")),
        "negative sizes of trees": raw.replace(sizes, sizes.replace(b" ", b" -")),
        "no sizes of trees": raw.replace(sizes, b"tree_sizes=abc"),
        "a tree more": raw.replace(sizes, sizes + b" 500"),
        "a changed tree": raw.replace(b"num_leaves=", b"num_leaves=1", 1),
        "other numbers of inputs": raw.replace(b"max_feature_idx=2", b"max_feature_idx=1"),
        "no inputs": raw.replace(b"feature_names=a b c\n", b""),
        "odd ranges": raw.replace(b"feature_infos=", b"feature_infos=x"),
        "no number of classes": raw.replace(b"num_class=1\n", b"", 1),
        "an unknown objective": raw.replace(b"objective=regression", b"objective=regressive"),
        "letters of another alphabet": raw.replace(b"feature_names=a", b"feature_names=\xe9"),
        "broken categories": raw.replace(last, b'pandas_categorical:[["a", '),
        "other categories": raw.replace(last, b'pandas_categorical:{"a": 1}'),
        "flat categories": raw.replace(last, b"pandas_categorical:[1]"),
        "deep categories": raw.replace(last, b"pandas_categorical:" + b"[" * 100_000),
    }


SPOILED = spoiled()


@pytest.mark.parametrize("name", SPOILED)
def test_what_is_no_model_or_not_all_of_it_is_refused_in_a_sentence(tmp_path, name):
    (tmp_path / "model").write_bytes(SPOILED[name])

    result = scored("lightgbm", tmp_path / "model", inputs=INPUTS, outputs=VALUE, data=boosted.table(ROWS))

    cure = "rename" if name in {"other numbers of inputs", "no inputs"} else "booster_.save_model"
    refused(result, "artifact-unreadable", cure)
