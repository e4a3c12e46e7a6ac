"""ONNX: every estimator that skl2onnx converts, against ONNX Runtime and against scikit-learn itself."""

import numpy as np
import pyarrow as pa
import pytest
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, Int64TensorType, StringTensorType
from sklearn.base import is_classifier

from tests.models.harness import agree, columns, scored
from tests.models.onnx_estimators import NAMES, NOT_CONVERTED, TWO, fitted
from tests.models.onnx_graphs import direct, saved

SAMPLE = {"LinearRegression", "RandomForestClassifier", "OneHotEncoder", "TfidfVectorizer", "KMeans"}
KINDS = {"f": (FloatTensorType, np.float32, "double"), "i": (Int64TensorType, np.int64, "long"),
         "O": (StringTensorType, object, "string")}  # fmt: skip
CONVERTED = [
    pytest.param(name, marks=[] if name in SAMPLE else [pytest.mark.long])
    for name in NAMES
    if name not in NOT_CONVERTED
]


def converted(estimator, example, *, options=None):
    tensor, dtype, kind = KINDS[example.frame.dtypes.iloc[0].kind]
    types = [("X", tensor([None, example.frame.shape[1]]))]
    graph = convert_sklearn(estimator, initial_types=types, options=options, target_opset=example.opsets)
    inputs = columns(**dict.fromkeys(example.frame.columns, kind))
    return graph, {"X": example.frame.to_numpy().astype(dtype)}, inputs


def transforms(estimator):
    """Whether its graph does, where it may predict, too."""
    return type(estimator).__name__ in {"RFE", "RFECV"} or not hasattr(estimator, "predict")


def of_sklearn(estimator, example):
    """Its own answer, a row a row."""
    rows = example.frame.to_numpy()
    if rows.shape[1] == 1 and rows.dtype.kind in "Oi":
        rows = rows.ravel()
    if hasattr(estimator, "kneighbors") and not hasattr(estimator, "predict") and not hasattr(estimator, "transform"):
        made = estimator.kneighbors(rows, return_distance=False)
    else:
        made = estimator.transform(rows) if transforms(estimator) else estimator.predict(rows)
    made = made.toarray() if hasattr(made, "toarray") else np.asarray(made)
    return made.reshape(len(example.frame), -1)


def score(tmp_path, graph, example, inputs, **outputs):
    data = pa.Table.from_pandas(example.frame, preserve_index=False)
    return scored(
        "onnx", saved(tmp_path, graph), inputs=inputs, outputs=columns(**outputs), data=data, row_group_size=64
    )


@pytest.mark.parametrize("name", CONVERTED)
@pytest.mark.filterwarnings("ignore")
def test_an_estimator_is_scored_as_by_the_runtime_and_as_by_scikit_learn(tmp_path, name):
    estimator, example = fitted(name)
    graph, feed, inputs = converted(estimator, example)
    first = graph.graph.output[0].name
    plain = np.asarray(direct(graph, feed)[first])
    plain = plain.T if plain.shape[0] == 1 else plain.reshape(len(example.frame), -1)
    kind = "string" if plain.dtype.kind == "O" else "long" if plain.dtype.kind == "i" else "double"
    names = [f"y{place}" for place in range(plain.shape[1])]

    result = score(tmp_path, graph, example, inputs, **dict.fromkeys(names, kind))

    own = of_sklearn(estimator, example)
    for place, output in enumerate(names):
        agree(result, plain[:, place], output=output, tolerance=1e-5)
        close(result[output], own[:, place], example.tolerance)


def close(have, want, tolerance):
    if have.dtype.kind == "f":
        np.testing.assert_allclose(have, want.astype(float), rtol=tolerance, atol=tolerance)
    else:
        assert np.mean([str(one) == str(other) for one, other in zip(have, want, strict=True)]) > 0.98


CLASSIFIERS = [
    "AdaBoostClassifier", "BaggingClassifier", "BernoulliNB", "CalibratedClassifierCV", "CategoricalNB",
    "ComplementNB", "DecisionTreeClassifier", "ExtraTreeClassifier", "ExtraTreesClassifier", "GaussianNB",
    "GradientBoostingClassifier", "GridSearchCV", "KNeighborsClassifier", "LinearDiscriminantAnalysis",
    "LogisticRegression", "LogisticRegressionCV", "MLPClassifier", "MultinomialNB", "NuSVC", "OneVsRestClassifier",
    "Pipeline", "QuadraticDiscriminantAnalysis", "RadiusNeighborsClassifier", "RandomForestClassifier",
    "SGDClassifier", "SVC", "StackingClassifier", "TunedThresholdClassifierCV", "VotingClassifier",
]  # fmt: skip


@pytest.mark.parametrize("zipmap", [True, False, "columns"])
@pytest.mark.parametrize("classes", ["three", "texts", "numbers"])
@pytest.mark.parametrize("name", CLASSIFIERS)
@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_a_classifier_s_probabilities_are_those_of_their_classes(tmp_path, name, classes, zipmap):
    estimator, example = fitted(name, TWO.get(classes))
    own = list(estimator.classes_)
    graph, feed, inputs = converted(estimator, example, options={id(estimator): {"zipmap": zipmap}})
    kind = "string" if isinstance(own[0], str) else "long"
    asked = {"prediction": kind} | {f"probability_{each}": "double" for each in reversed(own)}

    result = score(tmp_path, graph, example, inputs, **asked)

    rows, plain = example.frame.to_numpy(), direct(graph, feed)
    close(result["prediction"], estimator.predict(rows), 0)
    agree(result, np.asarray(plain[graph.graph.output[0].name]).ravel(), output="prediction")
    for place, each in enumerate(own):
        # The runtime sums trees in another order where it has another number of rows at once.
        close(result[f"probability_{each}"], plain_probability(graph, plain, place, each), 1e-6)
        # Of two classes the converter takes a softmax where this estimator takes a logistic.
        if name != "LinearDiscriminantAnalysis" or len(own) > 2:
            close(result[f"probability_{each}"], estimator.predict_proba(rows)[:, place], max(example.tolerance, 1e-3))


def plain_probability(graph, plain, place, label):
    table = plain[graph.graph.output[1].name]
    if isinstance(table, list):
        return np.array([row[label] for row in table])
    return table[:, place] if table.ndim == 2 else plain[graph.graph.output[1 + place].name]


@pytest.mark.parametrize("name", ["LinearSVC", "Perceptron", "PassiveAggressiveClassifier", "RidgeClassifier"])
@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_scores_of_a_classifier_without_probabilities_are_not_taken_for_some(tmp_path, name):
    estimator, example = fitted(name)
    assert is_classifier(estimator)
    assert not hasattr(estimator, "predict_proba")
    graph, _, inputs = converted(estimator, example)

    result = score(tmp_path, graph, example, inputs, prediction="string", probability_yes="double")

    assert result.refused is not None
    assert "values beyond 0 and 1, which are no probabilities" in result.refused.message


@pytest.mark.parametrize("name", NOT_CONVERTED)
@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_the_list_of_what_can_not_be_converted_is_right(tmp_path, name):
    """When one of them can be, it's to be scored, too."""
    if name in {"DictVectorizer", "_ConstantPredictor"}:
        return
    estimator, example = fitted(name)
    try:
        graph, _, inputs = converted(estimator, example)
    except ValueError:
        return
    result = score(tmp_path, graph, example, inputs)

    assert result.refused is not None
    assert result.refused.code == "model-unsupported"
