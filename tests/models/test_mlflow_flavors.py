"""MLflow's flavors that the model environment can load, with signatures and without: they score as MLflow does."""

import lightgbm
import mlflow
import numpy as np
import pandas as pd
import pytest
import xgboost
from mlflow.models import infer_signature
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge

from tests.models.harness import agree, columns, scored
from tests.models.mlflow_models import directly, logged
from tests.models.mlflow_prices import CLASS, FRAME, INPUTS, PLACE, ROWS, VALUE, booster_of
from tests.models.stored_tables import KINDS, refused, sampled, some_rows, stored

XGB = xgboost.XGBRegressor(n_estimators=8).fit(FRAME, VALUE)
LGB = lightgbm.LGBMRegressor(n_estimators=8, verbose=-1).fit(FRAME, VALUE)
MODELS = {
    "sklearn": (LinearRegression().fit(FRAME, VALUE), mlflow.sklearn.save_model, {}),
    "sklearn by cloudpickle": (
        HistGradientBoostingRegressor(max_iter=8).fit(FRAME, VALUE),
        mlflow.sklearn.save_model,
        {"serialization_format": "cloudpickle"},
    ),
    "sklearn by pickle": (Ridge().fit(FRAME, VALUE), mlflow.sklearn.save_model, {"serialization_format": "pickle"}),
    "sklearn of arrays": (Ridge().fit(FRAME.to_numpy(), VALUE), mlflow.sklearn.save_model, {}),
    "sklearn classifier": (LogisticRegression().fit(FRAME, CLASS), mlflow.sklearn.save_model, {}),
    "xgboost estimator": (XGB, mlflow.xgboost.save_model, {}),
    "xgboost classifier": (xgboost.XGBClassifier(n_estimators=4).fit(FRAME, PLACE), mlflow.xgboost.save_model, {}),
    "xgboost booster": (booster_of(XGB), mlflow.xgboost.save_model, {}),
    "xgboost booster of arrays": (
        booster_of(xgboost.XGBRegressor(n_estimators=4).fit(FRAME.to_numpy(), VALUE)),
        mlflow.xgboost.save_model,
        {},
    ),
    "lightgbm estimator": (LGB, mlflow.lightgbm.save_model, {}),
    "lightgbm classifier": (
        lightgbm.LGBMClassifier(n_estimators=4, verbose=-1).fit(FRAME, CLASS),
        mlflow.lightgbm.save_model,
        {},
    ),
    "lightgbm booster": (booster_of(LGB), mlflow.lightgbm.save_model, {}),
}
CASES = [(name, signed, data) for name in MODELS for signed in ("signed", "unsigned") for data in KINDS]


def given(result):
    return result.to_numpy() if isinstance(result, pd.DataFrame) else np.asarray(result)


@pytest.mark.parametrize(("name", "signed", "data"), sampled(CASES, 5, ids=[" ".join(case) for case in CASES]))
def test_a_flavor_scores_as_when_mlflow_is_called_directly(folder, name, signed, data):
    estimator, save, fields = MODELS[name]
    read = stored(FRAME, data)
    signature = infer_signature(FRAME, np.asarray(VALUE)) if signed == "signed" else None
    model = logged(folder, estimator, save, signature=signature, **fields)
    inputs = columns(**(dict.fromkeys(FRAME, "double") if "arrays" in name and not signature else INPUTS))

    result = scored("mlflow", folder, inputs=inputs, data=read.data, row_group_size=ROWS - 1)

    agree(result, given(directly(model, read.frame)).ravel(), tolerance=1e-6)


ELEMENT = {"float": TensorProto.FLOAT, "string": TensorProto.STRING, "double": TensorProto.DOUBLE}


def graph_of(inputs, outputs, *nodes):
    """`inputs` and `outputs`: a type and a shape by name."""
    infos = [
        [helper.make_tensor_value_info(name, ELEMENT[kind], shape) for name, (kind, shape) in each.items()]
        for each in (inputs, outputs)
    ]
    graph = helper.make_graph([helper.make_node(op, ins, outs) for op, ins, outs in nodes], "graph", *infos)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


@pytest.mark.parametrize("data", KINDS)
def test_an_onnx_graph_of_a_matrix_and_one_of_columns(folder, tmp_path, data):
    read = stored(FRAME, data)
    matrix = logged(folder, to_onnx(LinearRegression().fit(FRAME, VALUE), FRAME[:1].to_numpy()), mlflow.onnx.save_model)
    result = scored("mlflow", folder, inputs=columns(**dict.fromkeys(FRAME, "double")), data=read.data)
    agree(result, given(directly(matrix, read.frame)).ravel())

    kinds = {"week": ("double", [None]), "price": ("double", [None])}
    graph = graph_of(kinds, {"difference": ("double", [None])}, ("Sub", ["week", "price"], ["difference"]))
    separate = logged(tmp_path / "columns", graph, mlflow.onnx.save_model)
    result = scored("mlflow", tmp_path / "columns", inputs=columns(price="double", week="double"), data=read.data)
    agree(result, given(directly(separate, read.frame)).ravel())


@pytest.mark.parametrize(
    ("graph", "inputs", "code", "reason"),
    [
        (
            graph_of(
                {"a": ("float", [None, 1]), "b": ("float", [None, 1])},
                {"c": ("float", [None, 1])},
                ("Add", ["a", "b"], ["c"]),
            ),
            {"a": "float", "b": "float"},
            "model-unsupported",
            "register it in format onnx",
        ),
        (
            graph_of({"a": ("float", [None, 2])}, {"c": ("float", [None, 2])}, ("Abs", ["a"], ["c"])),
            {"a": "float", "b": "float"},
            "model-unsupported",
            "several values a row",
        ),
        (
            graph_of({"a": ("string", [None, 1])}, {"c": ("string", [None, 1])}, ("Identity", ["a"], ["c"])),
            {"a": "string?"},
            "signature-mismatch",
            "ONNX has no missing texts",
        ),
    ],
)
def test_a_graph_that_mlflow_cannot_score_rightly_is_refused(folder, graph, inputs, code, reason):
    logged(folder, graph, mlflow.onnx.save_model)

    refused(scored("mlflow", folder, inputs=columns(**inputs), data=some_rows(**inputs)), code, reason)


def test_a_booster_that_goes_by_place_has_its_columns_in_mlflow_s_signature(folder):
    logged(
        folder,
        booster_of(LGB),
        mlflow.lightgbm.save_model,
        signature=infer_signature(FRAME[["week", "stock", "price"]]),
    )

    refused(
        scored("mlflow", folder, inputs=columns(**INPUTS), data=stored(FRAME, "csv").data),
        "model-unsupported",
        "in another order",
    )
