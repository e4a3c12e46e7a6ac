"""Models as MLflow logs them, and MLflow itself, called directly."""

import logging
import warnings

import mlflow
import numpy as np
import pandas as pd
from mlflow.models import ModelSignature
from mlflow.types import ColSpec, Schema

logging.getLogger("mlflow").setLevel(logging.ERROR)
RANDOM = np.random.default_rng(41)
ROWS = 130
TYPES = ("boolean", "integer", "long", "float", "double", "string", "binary", "datetime")
FRAME = pd.DataFrame(
    {
        "boolean": RANDOM.random(ROWS) > 0.5,
        "integer": RANDOM.integers(0, 9, ROWS).astype("int32"),
        "long": RANDOM.integers(0, 2**60, ROWS),
        "float": RANDOM.normal(size=ROWS).astype("float32"),
        "double": RANDOM.normal(size=ROWS),
        "string": RANDOM.choice(["Lyon", "Nîmes", "Brest"], ROWS),
        "binary": pd.Series([bytes([at]) for at in range(ROWS)]),
        "datetime": pd.to_datetime(RANDOM.integers(10**17, 10**18, ROWS)),
    }
)


def signature(*types, named=True, required=True):
    """MLflow's, of one column a type, called like it."""
    specs = [ColSpec(each, each, required) if named else ColSpec(each) for each in types]
    return ModelSignature(Schema(specs))


def logged(folder, model, save=mlflow.pyfunc.save_model, **fields):
    """MLflow's own answer to a frame, of the model that it saved in `folder`."""
    how = {"python_model": model} if save is mlflow.pyfunc.save_model else {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        save(*([] if how else [model]), path=folder, pip_requirements=[], **how, **fields)
        return mlflow.pyfunc.load_model(str(folder))


def directly(model, rows, **fields):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return model.predict(rows, **fields)


class Described(mlflow.pyfunc.PythonModel):
    """Says of each row what it got, to the last bit."""

    def predict(self, context, model_input, params=None):
        rows = zip(*(model_input[name] for name in model_input.columns), strict=True)
        kinds = [str(kind) for kind in model_input.dtypes]
        return [f"{kinds}{row!r}" for row in rows]


class Total(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        given = model_input if isinstance(model_input, np.ndarray) else np.column_stack(list(model_input.values()))
        return given.reshape(len(given), -1).astype("float64").sum(axis=1)
