"""MLflow's flavors: those that the model environment can load, with signatures and without, and those that it can't."""

import pickle
import warnings

import joblib
import lightgbm
import mlflow
import numpy as np
import pandas as pd
import pytest
import sklearn.base
import xgboost
import yaml
from mlflow.models import infer_signature
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

from tests.models.harness import agree, columns, scored
from tests.models.mlflow_models import RANDOM, directly, logged
from tests.models.stored_tables import KINDS, refused, sampled, some_rows, stored

ROWS = 150
FRAME = pd.DataFrame(RANDOM.normal(size=(ROWS, 3)), columns=["price", "stock", "week"])
VALUE = FRAME["price"] * 2 - FRAME["week"] ** 2
CLASS = np.array(["no", "so", "yes"])[(FRAME["price"] > 0).astype(int) + (FRAME["stock"] > 0.5)]
PLACE = np.unique(CLASS, return_inverse=True)[1]
INPUTS = {"week": "double", "price": "double", "stock": "double"}
CITY = pd.Series(RANDOM.choice(["Lyon", "Nice", "Brest"], ROWS)).where(RANDOM.random(ROWS) > 0.3, np.nan)
HOT = OneHotEncoder(handle_unknown="ignore")


def booster_of(estimator):
    return estimator.get_booster() if hasattr(estimator, "get_booster") else estimator.booster_


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
PICKLED = {"sklearn", "sklearn of arrays", "sklearn classifier"}
CASES = [(name, signed, data) for name in MODELS for signed in ("signed", "unsigned") for data in KINDS]


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "logged"


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


@pytest.mark.parametrize("data", KINDS)
@pytest.mark.parametrize("signed", [True, False])
def test_a_missing_text_is_the_one_that_the_encoder_knows(folder, data, signed):
    frame = pd.DataFrame({"city": CITY, "price": FRAME["price"]})
    pipeline = make_pipeline(make_column_transformer((HOT, ["city"]), remainder="passthrough"), LinearRegression())
    value = CITY.map({"Lyon": 1.0, "Nice": 2.0, "Brest": 3.0}).fillna(100.0)
    signature = infer_signature(frame.assign(city=CITY.fillna(""))) if signed else None
    model = logged(folder, pipeline.fit(frame, value), mlflow.sklearn.save_model, signature=signature)

    result = scored("mlflow", folder, inputs=columns(price="double", city="string?"), data=stored(frame, data).data)

    agree(result, directly(model, frame), tolerance=1e-9)


NOTES = [" ".join(RANDOM.choice(["good", "bad", "note", "fun"], 5)) for _ in range(ROWS)]


@pytest.mark.parametrize("rows", [1, ROWS])
def test_texts_are_scored_one_by_one_or_refused_where_mlflow_hands_on_a_frame(folder, tmp_path, rows):
    pipeline = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(NOTES, CLASS)
    data = stored(pd.DataFrame({"note": NOTES[:rows]}), "parquet").data
    model = logged(folder, pipeline, mlflow.sklearn.save_model)
    agree(scored("mlflow", folder, inputs=columns(note="string"), data=data), directly(model, NOTES[:rows]))

    logged(
        tmp_path / "signed",
        pipeline,
        mlflow.sklearn.save_model,
        signature=infer_signature(pd.DataFrame({"note": NOTES})),
    )
    result = scored("mlflow", tmp_path / "signed", inputs=columns(note="string"), data=data)
    refused(
        result, "model-unsupported", "TfidfVectorizer was fitted with a sequence.* log the model without a signature"
    )


@pytest.mark.parametrize("save", [mlflow.sklearn.save_model, mlflow.lightgbm.save_model])
def test_probabilities_go_by_their_classes_names(folder, save):
    estimator = (
        lightgbm.LGBMClassifier(n_estimators=4, verbose=-1) if "lightgbm" in save.__module__ else LogisticRegression()
    ).fit(FRAME, CLASS)
    fields = {"pyfunc_predict_fn": "predict_proba"} if "sklearn" in save.__module__ else {}
    logged(folder, estimator, save, **fields)
    data = stored(FRAME, "parquet").data

    result = scored(
        "mlflow",
        folder,
        inputs=columns(**INPUTS),
        outputs=columns(probability_yes="double", probability_no="double"),
        data=data,
    )

    if not fields:
        refused(result, "signature-mismatch", "MLflow's predict gives the class: log the model with pyfunc_predict_fn")
        return
    agree(result, estimator.predict_proba(FRAME)[:, 2], output="probability_yes")
    agree(result, estimator.predict_proba(FRAME)[:, 0], output="probability_no")
    by_place = scored(
        "mlflow", folder, inputs=columns(**INPUTS), outputs=columns(a="double", b="double", c="double"), data=data
    )
    agree(by_place, estimator.predict_proba(FRAME)[:, 1], output="b")
    mixed = scored(
        "mlflow", folder, inputs=columns(**INPUTS), outputs=columns(c="string", probability_no="double"), data=data
    )
    refused(mixed, "signature-mismatch", "probabilities alone")


def test_several_outputs_are_taken_by_place(folder):
    model = logged(
        folder, MultiOutputRegressor(Ridge()).fit(FRAME, np.column_stack([VALUE, -VALUE])), mlflow.sklearn.save_model
    )

    result = scored(
        "mlflow",
        folder,
        inputs=columns(**INPUTS),
        outputs=columns(a="double", b="double"),
        data=stored(FRAME, "csv").data,
    )

    agree(result, directly(model, FRAME)[:, 1], output="b")


def test_labels_that_the_outputs_cannot_hold_are_refused_when_it_is_loaded(folder):
    logged(
        folder,
        RandomForestClassifier(3).fit(FRAME, CLASS),
        mlflow.sklearn.save_model,
        serialization_format="cloudpickle",
    )

    result = scored(
        "mlflow", folder, inputs=columns(**INPUTS), outputs=columns(prediction="long"), data=stored(FRAME, "csv").data
    )

    refused(result, "signature-mismatch", "its classes are no, so, yes")


GROUPS = FRAME.assign(store=RANDOM.choice([10, 20, 30], ROWS)).astype({"store": "category"})


@pytest.mark.parametrize("kind", ["xgboost", "lightgbm"])
def test_columns_of_type_category_are_handed_on_or_refused(folder, tmp_path, kind):
    made = (
        xgboost.XGBRegressor(n_estimators=5, enable_categorical=True)
        if kind == "xgboost"
        else lightgbm.LGBMRegressor(n_estimators=5, verbose=-1)
    )
    estimator = made.fit(GROUPS, VALUE + (GROUPS["store"] == 20))
    save = getattr(mlflow, kind).save_model
    data = stored(GROUPS.astype({"store": "int64"}), "csv").data
    inputs = columns(store="long", **INPUTS)
    logged(folder, estimator, save)
    agree(scored("mlflow", folder, inputs=inputs, data=data), estimator.predict(GROUPS))

    logged(tmp_path / "booster", booster_of(estimator), save)
    refused(
        scored("mlflow", tmp_path / "booster", inputs=inputs, data=data),
        "model-unsupported",
        f"register it in format {kind}, or log the estimator",
    )
    signature = infer_signature(GROUPS.astype({"store": "int64"}))
    logged(tmp_path / "signed", estimator, save, signature=signature)
    refused(
        scored("mlflow", tmp_path / "signed", inputs=inputs, data=data),
        "model-unsupported",
        "columns of type category, which MLflow's signature has not",
    )


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


FOREIGN = (
    "catboost",
    "h2o",
    "keras",
    "langchain",
    "paddle",
    "pmdarima",
    "prophet",
    "pytorch",
    "sentence_transformers",
    "shap",
    "spacy",
    "statsmodels",
    "tensorflow",
    "transformers",
)


def described(folder, **flavors):
    folder.mkdir()
    (folder / "MLmodel").write_text(
        yaml.safe_dump({"flavors": flavors, "mlflow_version": "3.17.2", "model_uuid": "0" * 32})
    )
    return folder


@pytest.mark.parametrize("flavor", sampled(FOREIGN, 6))
def test_a_flavor_that_cannot_be_loaded_here_is_refused_with_its_package(folder, flavor):
    described(
        folder, **{flavor: {"data": "model"}, "python_function": {"loader_module": f"mlflow.{flavor}", "data": "model"}}
    )

    result = scored("mlflow", folder, inputs=columns(**INPUTS), data=stored(FRAME, "csv").data)

    refused(
        result,
        "model-unsupported",
        f"flavor {flavor} need the package .*, which the model environment does not have: log the model in another",
    )


def test_a_model_without_a_flavor_that_predicts_is_refused(folder):
    described(folder, sklearn={"pickled_model": "model.pkl"})

    refused(
        scored("mlflow", folder, inputs=columns(**INPUTS), data=stored(FRAME, "csv").data),
        "model-unsupported",
        r"without its python_function flavor \(flavors: sklearn\)",
    )


def test_an_estimator_of_another_scikit_learn_is_refused(folder, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(sklearn.base, "__version__", "1.5.2")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            mlflow.sklearn.save_model(
                LinearRegression().fit(FRAME, VALUE), folder, pip_requirements=[], serialization_format="cloudpickle"
            )

    refused(
        scored("mlflow", folder, inputs=columns(**INPUTS), data=stored(FRAME, "csv").data),
        "model-unsupported",
        "saved by scikit-learn 1.5.2",
    )


def test_a_model_s_errors_show_no_rows_of_the_data(folder):
    logged(folder, Doubled())
    data = stored(pd.DataFrame({"price": ["4711.5", "x"]}), "csv").data

    result = scored("mlflow", folder, inputs=columns(price="string"), data=data)

    assert result.refused is not None
    assert "4711" not in result.refused.message
