"""Small real models, the rows they are fed, and what they say when called directly."""

from io import BytesIO
from typing import Any

import joblib
import numpy as np
import onnxruntime
import pandas as pd
import pyarrow as pa
from skl2onnx import to_onnx
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

FEATURES = ["price", "discount", "last_week"]


def signature(column_type: str, output_type: str) -> dict[str, Any]:
    return {
        "inputs": [{"name": name, "type": column_type, "required": True} for name in FEATURES],
        "outputs": [{"name": "prediction", "type": output_type, "required": True}],
        "params": [],
    }


def sales(rows: int, seed: int = 7) -> pd.DataFrame:
    """Columns: row (unique), store, the features."""
    chance = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "row": np.arange(rows),
            "store": chance.choice(["Lyon", "Köln", "Gent"], rows),
            "price": chance.uniform(0.5, 20, rows),
            "discount": chance.uniform(0, 0.5, rows),
            "last_week": chance.poisson(4, rows).astype(float),
        }
    )


def _target(frame: pd.DataFrame) -> np.ndarray:
    return frame["last_week"] * (1 + frame["discount"]) + np.sin(frame["price"])


def boosted() -> tuple[bytes, HistGradientBoostingRegressor]:
    """A joblib file and the model in it."""
    frame = sales(3000, seed=1)
    model = HistGradientBoostingRegressor(max_iter=40, random_state=0).fit(frame[FEATURES], _target(frame))
    buffer = BytesIO()
    joblib.dump(model, buffer)
    return buffer.getvalue(), model


def linear() -> bytes:
    """An ONNX file."""
    frame = sales(3000, seed=2)
    matrix = frame[FEATURES].to_numpy(np.float32)
    return to_onnx(LinearRegression().fit(matrix, _target(frame)), matrix[:1]).SerializeToString()


def call_onnx(content: bytes, frame: pd.DataFrame) -> np.ndarray:
    session = onnxruntime.InferenceSession(content, providers=["CPUExecutionProvider"])
    (scores,) = session.run(None, {session.get_inputs()[0].name: frame[FEATURES].to_numpy(np.float32)})
    return np.asarray(scores).ravel()


def in_order(predictions: pa.Table) -> pd.DataFrame:
    """The predictions by row. What is kept of a CSV is kept as the text that it is."""
    return predictions.to_pandas().astype({"row": int}).sort_values("row", ignore_index=True)
