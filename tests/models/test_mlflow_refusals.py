"""MLflow models that the model environment can't load: refused with what is missing."""

import warnings

import mlflow
import pytest
import sklearn.base
import yaml
from sklearn.linear_model import LinearRegression

from tests.models.harness import columns, scored
from tests.models.mlflow_prices import FRAME, INPUTS, VALUE
from tests.models.stored_tables import refused, sampled, stored

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
