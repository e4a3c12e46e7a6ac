"""A model of values that gives fewer or more than its signature has outputs: refused when it is registered."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import joblib
import lightgbm
import mlflow
import numpy as np
import pandas as pd
import pytest
import xgboost
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.models.harness import columns, inspected
from tests.models.mlflow_models import logged

RANDOM = np.random.default_rng(53)
ROWS = 60
FRAME = pd.DataFrame(RANDOM.normal(size=(ROWS, 2)), columns=["a", "b"])
CITIES = pd.DataFrame(
    {"a": FRAME["a"], "city": RANDOM.choice(["Lyon", "Nice"], ROWS), "size": RANDOM.choice(["S", "M"], ROWS)}
)
ONE = FRAME["a"].to_numpy()
TWO = np.column_stack([FRAME["a"], FRAME["b"]])
TARGETS = {1: ONE, 2: TWO}
NAMES = ("first", "second", "third")
NUMBERS = columns(a="double", b="double")
PLACES = columns(a="double", city="string", size="string")


@dataclass(frozen=True)
class Saved:
    """A regressor's file or folder, of what it was fitted with."""

    format: str
    inputs: tuple
    save: Callable[[Path, np.ndarray], object]


def _dumped(estimator, frame=FRAME):
    return lambda path, target: joblib.dump(estimator.fit(frame, target), path)


def _module(text):
    return lambda path, target: path.write_text(text.format(width=target.ndim))


def _logged(estimator, frame=FRAME):
    return lambda path, target: logged(path, estimator.fit(frame, target), mlflow.sklearn.save_model)


def _of_graph(path, target):
    path.write_bytes(to_onnx(LinearRegression().fit(FRAME, target), FRAME.to_numpy()[:1]).SerializeToString())


def _of_xgboost(path, target):
    xgboost.XGBRegressor(n_estimators=3).fit(FRAME, target).save_model(path)


def _of_lightgbm(path, target):
    lightgbm.LGBMRegressor(n_estimators=3, verbose=-1).fit(FRAME, target).booster_.save_model(path)


ENCODED = make_pipeline(
    make_column_transformer((OneHotEncoder(), ["city", "size"]), remainder="passthrough"), LinearRegression()
)
MODULE = """
def load(path):
    return None


def predict(model, batch):
    return [[value] * {width} for value in batch["a"]]
"""


class Repeated(mlflow.pyfunc.PythonModel):
    def __init__(self, width):
        self.width = width

    def predict(self, context, model_input, params=None):
        return np.repeat(model_input[["a"]].to_numpy(), self.width, axis=1)


SAVED = {
    "sklearn": Saved("sklearn", NUMBERS, _dumped(LinearRegression())),
    "sklearn's forest": Saved("sklearn", NUMBERS, _dumped(RandomForestRegressor(3))),
    "sklearn without names": Saved("sklearn", NUMBERS, _dumped(LinearRegression(), FRAME.to_numpy())),
    "sklearn that knows its texts alone": Saved("sklearn", PLACES, _dumped(ENCODED, CITIES)),
    "mlflow's sklearn": Saved("mlflow", NUMBERS, _logged(LinearRegression())),
    "mlflow's sklearn that knows its texts alone": Saved("mlflow", PLACES, _logged(ENCODED, CITIES)),
    "mlflow's PythonModel": Saved("mlflow", NUMBERS, lambda path, target: logged(path, Repeated(target.ndim))),
    "python": Saved("python", NUMBERS, _module(MODULE)),
    "onnx": Saved("onnx", NUMBERS, _of_graph),
    "xgboost": Saved("xgboost", NUMBERS, _of_xgboost),
    "lightgbm": Saved("lightgbm", NUMBERS, _of_lightgbm),
}
WIDTHS = [(name, width) for name in SAVED for width in TARGETS if (name, width) != ("lightgbm", 2)]
"""LightGBM has no regressor of several targets."""
OTHERS = {1: (2, 3), 2: (1, 3)}
FOUND = {"python": "model.py", "xgboost": "model.json", "lightgbm": "model.txt"}


def asked(name, folder, width, count):
    """What the registry says of a model that gives `width` values, with `count` outputs in its signature."""
    saved = SAVED[name]
    path = folder / FOUND.get(saved.format, "model")
    saved.save(path, TARGETS[width])
    outputs = columns(**dict.fromkeys(NAMES[:count], "double"))
    return inspected(saved.format, path, inputs=saved.inputs, outputs=outputs)


@pytest.mark.parametrize(("name", "width"), WIDTHS)
def test_as_many_outputs_as_it_gives_are_taken(tmp_path, name, width):
    assert asked(name, tmp_path, width, width) is None


@pytest.mark.parametrize(
    ("name", "width", "count"), [(name, width, count) for name, width in WIDTHS for count in OTHERS[width]]
)
def test_fewer_and_more_are_refused_with_the_reason(tmp_path, name, width, count):
    refused = asked(name, tmp_path, width, count)

    assert refused is not None
    assert refused.code == "signature-mismatch", refused
    assert re.search(rf"gives {width} (values|columns?)", refused.message), refused.message


def test_without_outputs_one_value_is_expected(tmp_path):
    assert asked("sklearn", tmp_path, 1, 0) is None
    assert "gives 2 columns and 1 is expected" in asked("sklearn", tmp_path, 2, 0).message


ANSWERS = {
    "more than are asked for": ("return batch.assign(first=1.0, more=2.0)", None),
    "other names": ("return batch", "columns named a, b and none named first"),
    "an error": ("raise KeyError(batch['a'][0])", None),
    "other rows": ("return batch[batch['a'] > 0]", None),
    "nothing": ("return None", None),
}


@pytest.mark.parametrize("name", ANSWERS)
def test_names_are_looked_at_too_and_other_faults_are_left_to_real_rows(tmp_path, name):
    body, reason = ANSWERS[name]
    text = f"def load(path):\n    return None\n\n\ndef predict(model, batch):\n    {body}\n"
    (tmp_path / "model.py").write_text(text)

    refused = inspected("python", tmp_path / "model.py", inputs=NUMBERS, outputs=columns(first="double"))

    assert (refused and refused.code) == (reason and "signature-mismatch")
    assert reason is None or reason in refused.message
