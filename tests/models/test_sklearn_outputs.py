"""What scikit-learn's estimators give: labels of every type, several targets, sparse and odd results."""

import joblib
import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Perceptron, RidgeClassifier
from sklearn.mixture import GaussianMixture
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from tests.models.harness import agree, columns, scored
from tests.models.stored_tables import refused, sampled, stored

RANDOM = np.random.default_rng(29)
FRAME = pd.DataFrame(RANDOM.normal(size=(210, 3)), columns=["a", "b", "c"])
INPUTS = columns(a="double", b="double", c="double")
DATA = stored(FRAME, "parquet").data
PLACE = (FRAME["a"] > 0).astype(int) + (FRAME["b"] > 0.5)

LABELS = {
    "int8": (np.array([1, 2, 3], dtype="int8"), "long"),
    "uint64": (np.array([1, 2, 3], dtype="uint64"), "integer"),
    "int64 beyond 2^53": (np.array([2**60, 2**60 + 1, 2**60 + 2]), "long"),
    "negative": (np.array([-1, 0, 1]), "long"),
    "float16": (np.array([1, 2, 3], dtype="float16"), "double"),
    "float32": (np.array([2, 5, 7], dtype="float32"), "float"),
    "float64": (np.array([2.0, 5.0, 7.0]), "double"),
    "whole floats as long": (np.array([2.0, 5.0, 7.0]), "long"),
    "texts": (np.array(["low", "mid", "hîgh"]), "string"),
    "texts as objects": (np.array(["low", "mid", "hîgh"], dtype=object), "string"),
    "texts of digits": (np.array(["01", "02", "3"]), "string"),
    "ints as string": (np.array([1, 2, 3]), "string"),
    "whole floats as string": (np.array([2.0, 5.0, 7.0], dtype="float32"), "string"),
}


def text(label):
    return str(int(label)) if isinstance(label, np.floating) and float(label).is_integer() else str(label)


@pytest.fixture
def score(tmp_path):
    def inner(estimator, inputs=INPUTS, data=DATA, *, params=None, **outputs):
        joblib.dump(estimator, tmp_path / "model")
        return scored(
            "sklearn", tmp_path / "model", inputs=inputs, outputs=columns(**outputs), data=data, params=params
        )

    return inner


CLASSIFIERS = [
    LogisticRegression(),
    DecisionTreeClassifier(max_depth=3),
    make_pipeline(StandardScaler(), KNeighborsClassifier()),
]
CASES = [(name, at) for name in LABELS for at in range(len(CLASSIFIERS))]


@pytest.mark.parametrize(("name", "at"), sampled(CASES, 3, ids=[f"{name} {at}" for name, at in CASES]))
def test_labels_of_every_type_and_their_probabilities_by_name(score, name, at):
    labels, kind = LABELS[name]
    model = CLASSIFIERS[at].fit(FRAME, labels[PLACE])
    names = [f"probability_{text(each)}" for each in model.classes_]

    result = score(model, prediction=kind, **dict.fromkeys(names, "double"))

    predicted = model.predict(FRAME)
    agree(result, [text(each) for each in predicted] if kind == "string" else predicted, tolerance=0)
    for place, each in enumerate(names):
        agree(result, model.predict_proba(FRAME)[:, place], output=each)


@pytest.mark.parametrize("kind", ["boolean", "long", "string"])
def test_boolean_labels_are_booleans_numbers_or_texts(score, kind):
    model = LogisticRegression().fit(FRAME, FRAME["a"] > 0)

    result = score(model, prediction=kind, probability="double", probability_False="double")

    predicted = model.predict(FRAME)
    agree(result, predicted.astype(str) if kind == "string" else predicted.astype(int) if kind == "long" else predicted)
    agree(result, model.predict_proba(FRAME)[:, 1], output="probability")
    agree(result, model.predict_proba(FRAME)[:, 0], output="probability_False")


def test_a_class_that_is_the_only_one_and_classes_that_are_many(score):
    single = DummyClassifier(strategy="constant", constant="only").fit(FRAME, ["only"] * len(FRAME))
    agree(
        score(single, prediction="string", probability_only="double"),
        single.predict_proba(FRAME)[:, 0],
        output="probability_only",
    )
    many = DecisionTreeClassifier().fit(FRAME, np.arange(len(FRAME)))
    agree(score(many, probability_209="double"), many.predict_proba(FRAME)[:, 209], output="probability_209")


def test_components_of_a_mixture_are_numbered(score):
    model = GaussianMixture(3, random_state=0).fit(FRAME)
    result = score(model, prediction="long", probability_2="double")
    agree(result, model.predict(FRAME))
    agree(result, model.predict_proba(FRAME)[:, 2], output="probability_2")


WORDS = np.column_stack([np.where(FRAME["a"] > 0, "up", "down"), np.where(FRAME["b"] > 1, "hot", "cold")])
FLAGS = np.column_stack([FRAME["a"] > 0, FRAME["b"] > 0.5]).astype(int)
SEVERAL = {
    "forest": RandomForestClassifier(5, random_state=0).fit(FRAME, WORDS),
    "extra trees": ExtraTreesClassifier(5, random_state=0).fit(FRAME, WORDS),
    "tree": DecisionTreeClassifier(max_depth=3).fit(FRAME, WORDS),
    "neighbours": KNeighborsClassifier().fit(FRAME, WORDS),
    "an estimator a target": MultiOutputClassifier(LogisticRegression()).fit(FRAME, WORDS),
    "in a pipeline": make_pipeline(StandardScaler(), MultiOutputClassifier(LogisticRegression())).fit(FRAME, WORDS),
}


@pytest.mark.parametrize("name", sampled(list(SEVERAL), 2))
def test_several_targets_of_texts(score, name):
    model = SEVERAL[name]

    result = score(model, probability_heat_hot="double", move="string", heat="string", probability_move_up="double")

    agree(result, model.predict(FRAME)[:, 0], output="move")
    agree(result, model.predict(FRAME)[:, 1], output="heat")
    agree(result, model.predict_proba(FRAME)[0][:, 1], output="probability_move_up")
    agree(result, model.predict_proba(FRAME)[1][:, 1], output="probability_heat_hot")


INDICATORS = {
    "forest": RandomForestClassifier(5, random_state=0),
    "neighbours": KNeighborsClassifier(),
    "network": MLPClassifier((4,), max_iter=40, random_state=0),
    "one versus rest": OneVsRestClassifier(LogisticRegression()),
    "one versus rest in a pipeline": make_pipeline(StandardScaler(), OneVsRestClassifier(LogisticRegression())),
    "chain": ClassifierChain(LogisticRegression()),
    "an estimator a target": MultiOutputClassifier(LogisticRegression()),
}


LABELLED = [(name, False) for name in INDICATORS] + [(name, True) for name in INDICATORS if "one versus rest" in name]
"""Only one versus rest takes sparse labels."""
LABELLED_IDS = [f"{name} {'sparse' if as_sparse else 'dense'}" for name, as_sparse in LABELLED]


@pytest.mark.parametrize(("name", "as_sparse"), sampled(LABELLED, 2, ids=LABELLED_IDS))
def test_several_labels_of_which_any_may_hold(score, name, as_sparse):
    model = INDICATORS[name].fit(FRAME, sparse.csr_matrix(FLAGS) if as_sparse else FLAGS)
    predicted = model.predict(FRAME)
    assert sparse.issparse(predicted) == as_sparse

    result = score(model, up="long", hot="boolean", probability_hot_1="double", probability_up_0="double")

    predicted = predicted.toarray() if as_sparse else predicted
    given = model.predict_proba(FRAME)
    tables = (
        given if isinstance(given, list) else [np.column_stack([1 - given[:, at], given[:, at]]) for at in range(2)]
    )
    agree(result, predicted[:, 0], output="up")
    agree(result, predicted[:, 1] > 0, output="hot")
    agree(result, tables[0][:, 0], output="probability_up_0")
    agree(result, tables[1][:, 1], output="probability_hot_1")


class Odd(BaseEstimator):
    """Gives its first column in one of many shapes."""

    def __init__(self, shape):
        self.shape = shape

    def fit(self, rows, y=None):
        self.n_features_in_ = 3
        return self

    def predict(self, rows):
        first = np.asarray(rows)[:, 0]
        return {
            "list": list(first),
            "list of lists": [[each] for each in first],
            "one column": first.reshape(-1, 1),
            "matrix": np.matrix(first.reshape(-1, 1)),
            "sparse": sparse.csc_array(first.reshape(-1, 1)),
            "series": pd.Series(first, name="anything"),
            "frame": pd.DataFrame({"anything": first}),
            "generator": (each for each in first),
            "long double": first.astype(np.longdouble),
            "masked": np.ma.array(first, mask=False),
        }[self.shape]


@pytest.mark.parametrize(
    "shape",
    [
        "list",
        "list of lists",
        "one column",
        "matrix",
        "sparse",
        "series",
        "frame",
        "generator",
        "long double",
        "masked",
    ],
)
def test_a_result_of_any_shape_with_one_value_a_row(score, shape):
    agree(score(Odd(shape).fit(FRAME)), FRAME["a"], tolerance=0)


def test_times_and_counts_as_predictions(score):
    days = np.array(["2024-01-01", "2024-06-01"], dtype="datetime64[D]")
    for labels, kind in ((days, "datetime"), (np.array([3, 4], dtype="uint8"), "integer")):
        model = DummyClassifier().fit(FRAME, labels[(FRAME["a"] > 0).astype(int)])
        result = score(model, prediction=kind)
        expected = model.predict(FRAME)
        agree(result, expected.astype("datetime64[ns]") if kind == "datetime" else expected)


def test_what_predict_gives_beside_the_prediction_is_an_output_more(score):
    model = GaussianProcessRegressor(random_state=0).fit(FRAME[:50], FRAME["a"][:50])
    data = stored(FRAME[:60], "parquet").data

    result = score(model, data=data, params={"return_std": True}, mean="double", deviation="double")

    mean, deviation = model.predict(FRAME[:60], return_std=True)
    agree(result, mean, output="mean")
    agree(result, deviation, output="deviation", tolerance=1e-5)


def test_a_regressor_may_call_its_output_a_probability(score):
    model = LinearRegression().fit(FRAME, FRAME["a"])
    agree(score(model, probability="double"), model.predict(FRAME), output="probability")


TARGET = LogisticRegression().fit(FRAME, LABELS["texts"][0][PLACE])


@pytest.mark.parametrize(
    ("model", "outputs", "params", "reason"),
    [
        (TARGET, {"prediction": "double"}, {}, "output prediction is of type double .* gives string; its classes are"),
        (TARGET, {"probability": "double"}, {}, r"3 classes \(probability_hîgh, probability_low, probability_mid\)"),
        (TARGET, {"probability_high": "double"}, {}, "probability_high is no class's"),
        (TARGET, {"one": "string", "two": "string"}, {}, "several outputs for it: one, two"),
        (TARGET, {}, {"threshold": 0.5}, "takes not all of the parameters threshold"),
        (
            Perceptron().fit(FRAME, PLACE),
            {"probability_1": "double"},
            {},
            "Perceptron gives none: .* CalibratedClassifierCV",
        ),
        (RidgeClassifier().fit(FRAME, PLACE), {"prediction": "boolean"}, {}, "of type boolean .* classes are 0, 1, 2"),
        (SEVERAL["forest"], {"move": "string"}, {}, "predicts 2 targets, and the signature has 1 outputs"),
        (SEVERAL["forest"], {"move": "string", "probability_up": "double"}, {}, "predicts 2 targets"),
        (
            SEVERAL["forest"],
            {"move": "string", "heat": "string", "probability_up": "double"},
            {},
            "probability_up is no class's",
        ),
    ],
)
def test_outputs_that_it_does_not_give_are_refused_when_it_is_loaded(score, model, outputs, params, reason):
    refused(score(model, params=params, **outputs), "signature-mismatch", reason)


def test_another_number_of_values_is_a_wrong_shape(score):
    model = LinearRegression().fit(FRAME, FRAME[["a", "b"]])
    refused(score(model, prediction="double"), "prediction-shape", "2 columns and 1 is expected")
