import numpy as np
import onnx
import onnxruntime as ort
import pytest
from pandas import DataFrame

from examples.grocery.features import FEATURES
from examples.grocery.recipes import BOOSTED, NEURAL, RECIPES
from examples.grocery.training import boosted_bytes, neural_bytes, train_boosted, train_neural


@pytest.fixture(scope="module")
def rows() -> DataFrame:
    values = np.random.default_rng(7).poisson(2.0, size=(2000, len(FEATURES)))
    return DataFrame(values.astype(np.float32), columns=list(FEATURES))


@pytest.fixture(scope="module")
def units(rows: DataFrame) -> np.ndarray:
    return (rows["units_1_week_ago"] + rows["on_display"]).to_numpy().astype(float)


def test_the_onnx_network_predicts_what_scikit_learn_predicts_but_never_below_zero(
    rows: DataFrame, units: np.ndarray
) -> None:
    network = train_neural(rows, units - 1)
    session = ort.InferenceSession(neural_bytes(network))
    inputs = rows[list(NEURAL.features)].to_numpy()

    (predicted,) = session.run(["prediction"], {"features": inputs})

    expected = network.predict(inputs)
    assert expected.min() < 0
    np.testing.assert_allclose(predicted.ravel(), np.maximum(expected, 0), atol=1e-5)


def test_training_twice_gives_the_same_bytes(rows: DataFrame, units: np.ndarray) -> None:
    assert boosted_bytes(train_boosted(rows, units)) == boosted_bytes(train_boosted(rows, units))
    assert neural_bytes(train_neural(rows, units)) == neural_bytes(train_neural(rows, units))


def test_opsets_are_in_the_same_order_in_every_process(rows: DataFrame, units: np.ndarray) -> None:
    domains = [opset.domain for opset in onnx.load_from_string(neural_bytes(train_neural(rows, units))).opset_import]

    assert domains == sorted(domains)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.model_id)
def test_a_signature_names_the_features_in_the_order_the_model_takes_them(recipe) -> None:
    assert [field["name"] for field in recipe.signature["inputs"]] == list(recipe.features)
    assert [field["name"] for field in recipe.signature["outputs"]] == ["prediction"]


def test_the_boosted_model_says_which_packages_its_pickle_needs() -> None:
    assert {line.split("==")[0] for line in BOOSTED.requirements} == {"scikit-learn", "numpy", "joblib"}
