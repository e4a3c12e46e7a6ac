"""MLflow's models of one's own: loaders, Python models and scripts, with their code and data."""

import pickle
import warnings

import joblib
import mlflow
import pandas as pd
from mlflow.models import infer_signature
from sklearn.linear_model import LinearRegression

from tests.models.harness import agree, columns, scored
from tests.models.mlflow_models import directly, logged
from tests.models.mlflow_prices import FRAME, INPUTS, NOTES, VALUE
from tests.models.stored_tables import refused, stored

CODE = """
import pickle
from weights import by

class Own:
    def __init__(self, path):
        self.plus = pickle.load(open(path, "rb"))

    def predict(self, frame, params=None):
        return frame["price"] * by + self.plus

def _load_pyfunc(path):
    return Own(path)
"""


def test_a_loader_of_one_s_own_with_its_code_and_data(folder, tmp_path):
    (tmp_path / "own_loader.py").write_text(CODE)
    (tmp_path / "weights.py").write_text("by = 3.0\n")
    (tmp_path / "data").write_bytes(pickle.dumps(0.5))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        mlflow.pyfunc.save_model(
            folder,
            loader_module="own_loader",
            data_path=str(tmp_path / "data"),
            code_paths=[str(tmp_path / each) for each in ("own_loader.py", "weights.py")],
            pip_requirements=[],
        )

    result = scored("mlflow", folder, inputs=columns(price="double"), data=stored(FRAME, "csv").data)

    agree(result, FRAME["price"] * 3 + 0.5)


class WithArtifact(mlflow.pyfunc.PythonModel):
    def load_context(self, context):
        self.inner = joblib.load(context.artifacts["inner"])

    def predict(self, context, model_input, params=None):
        return self.inner.predict(model_input)


def test_a_python_model_finds_its_artifacts(folder, tmp_path):
    joblib.dump(LinearRegression().fit(FRAME, VALUE), tmp_path / "inner.joblib")
    model = logged(
        folder, WithArtifact(), artifacts={"inner": str(tmp_path / "inner.joblib")}, signature=infer_signature(FRAME)
    )

    agree(
        scored("mlflow", folder, inputs=columns(**INPUTS), data=stored(FRAME, "parquet").data), directly(model, FRAME)
    )


SCRIPT = """
import mlflow
import pandas as pd

class Own(mlflow.pyfunc.PythonModel):
    def predict(self, context, model_input, params=None):
        return model_input["price"] * 2

mlflow.models.set_model(Own())
"""


def test_a_model_that_is_kept_as_code(folder, tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    logged(folder, str(tmp_path / "script.py"), signature=infer_signature(FRAME))

    agree(scored("mlflow", folder, inputs=columns(**INPUTS), data=stored(FRAME, "csv").data), FRAME["price"] * 2)


class Shouted(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[str]) -> list[str]:
        return [each.upper() for each in model_input]


class Doubled(mlflow.pyfunc.PythonModel):
    def predict(self, model_input: list[float]) -> list[float]:
        return [each * 2 for each in model_input]


def test_a_python_model_that_says_by_its_types_what_it_takes(folder, tmp_path):
    logged(folder, Shouted())
    agree(
        scored("mlflow", folder, inputs=columns(note="string"), data=stored(pd.DataFrame({"note": NOTES}), "csv").data),
        [each.upper() for each in NOTES],
    )
    logged(tmp_path / "doubled", Doubled())
    agree(
        scored("mlflow", tmp_path / "doubled", inputs=columns(price="double"), data=stored(FRAME, "csv").data),
        FRAME["price"] * 2,
    )
    refused(
        scored("mlflow", tmp_path / "doubled", inputs=columns(price="long"), data=stored(FRAME, "csv").data),
        "signature-mismatch",
        "declare it double",
    )


def test_a_model_s_errors_show_no_rows_of_the_data(folder):
    logged(folder, Doubled())
    data = stored(pd.DataFrame({"price": ["4711.5", "x"]}), "csv").data

    result = scored("mlflow", folder, inputs=columns(price="string"), data=data)

    assert result.refused is not None
    assert "4711" not in result.refused.message
