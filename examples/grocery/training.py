"""Two forecasts of different kinds, trained on the same weeks: boosted trees (joblib) and a neural network (ONNX)."""

# pyright: reportArgumentType=false
# (scikit-learn and skl2onnx have no types: what is guessed from their defaults is too narrow.)

import warnings
from io import BytesIO
from typing import Any, Protocol

import joblib
import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import helper
from pandas import DataFrame
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from examples.grocery.recipes import BOOSTED, NEURAL

OPSET, IR_VERSION = 18, 10
SEED = 84_51


class Model(Protocol):
    def predict(self, features: DataFrame) -> NDArray[np.floating[Any]]: ...


def train_boosted(rows: DataFrame, units: NDArray[np.float64]) -> Model:
    trees = HistGradientBoostingRegressor(
        loss="poisson",
        learning_rate=0.15,
        max_iter=60,
        min_samples_leaf=100,
        categorical_features=["department_code"],
        early_stopping=False,
        random_state=SEED,
    )
    with _one_thread():
        return trees.fit(rows[list(BOOSTED.features)], units)


def train_neural(rows: DataFrame, units: NDArray[np.float64]) -> Pipeline:
    # Few, small steps: with larger ones the level of all predictions swings by a tenth from one to the next.
    network = MLPRegressor(
        hidden_layer_sizes=(32, 16), batch_size=1024, learning_rate_init=5e-4, max_iter=6, random_state=SEED
    )
    with _one_thread(), warnings.catch_warnings(category=ConvergenceWarning, action="ignore"):
        return make_pipeline(StandardScaler(), network).fit(rows[list(NEURAL.features)].to_numpy(), units)


def boosted_bytes(model: Model) -> bytes:
    buffer = BytesIO()
    joblib.dump(model, buffer, compress=3)
    return buffer.getvalue()


def neural_bytes(model: Pipeline) -> bytes:
    """The network as ONNX: `features` (n, features) float in, `prediction` (n, 1) float out, never below zero."""
    inputs = [("features", FloatTensorType([None, len(NEURAL.features)]))]
    graph = to_onnx(model, initial_types=inputs, target_opset=OPSET, name=NEURAL.model_id)
    if not isinstance(graph, onnx.ModelProto):
        raise TypeError(type(graph))
    _floor_at_zero(graph)
    _sort_opsets(graph)
    graph.ir_version = IR_VERSION
    onnx.checker.check_model(graph)
    return graph.SerializeToString(deterministic=True)


def _one_thread() -> threadpool_limits:
    """Keeps the order of sums, and so the bytes; and threads that spin lose more than they gain beside a stack."""
    return threadpool_limits(1)


def _sort_opsets(model: onnx.ModelProto) -> None:
    """The converter writes them in the order of a set of strings, which changes from process to process."""
    opsets = sorted(model.opset_import, key=lambda opset: opset.domain)
    del model.opset_import[:]
    model.opset_import.extend(opsets)


def _floor_at_zero(model: onnx.ModelProto) -> None:
    output = model.graph.output[0]
    model.graph.node.append(helper.make_node("Relu", [output.name], ["prediction"], name="floor"))
    output.name = "prediction"
