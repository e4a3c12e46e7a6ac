"""Every estimator of scikit-learn that predicts, fitted with frames and with matrices, from parquet and CSV."""

import warnings

import joblib
import numpy as np
import pandas as pd
import pytest

from chassis.sandbox.child.conversion import Column
from tests.models.harness import agree, scored
from tests.models.sklearn_estimators import MORE, NUMBERS, fitted, inputs, names
from tests.models.stored_tables import KINDS, sampled, stored

CASES = [(name, kind, shape) for name in names() for kind in KINDS for shape in ("frame", "matrix")]
IDS = [" ".join(case) for case in CASES]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model"


def columns_of(frame):
    kinds = {"i": "long", "f": "double"}
    return [Column(name, kinds[frame[name].dtype.kind]) for name in frame.columns]


def outputs_of(predicted, classes=None):
    """One a target, in the types that the estimator gives; and a probability of each class."""
    given = np.asarray(predicted)
    kind = {"i": "long", "f": "double", "b": "boolean"}.get(given.dtype.kind, "string")
    count = given.shape[1] if given.ndim == 2 else 1
    found = [Column(f"output {at}" if count > 1 else "prediction", kind) for at in range(count)]
    return found + [Column(f"probability_{each}", "double") for each in classes or []]


def call(method, rows):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return method(rows)


def agree_in_all(result, outputs, predicted):
    given = np.asarray(predicted).reshape(len(predicted), -1)
    for at, column in enumerate(outputs):
        agree(result, given[:, at], output=column.name, tolerance=1e-9)


@pytest.mark.parametrize(("name", "kind", "shape"), sampled(CASES, 7, ids=IDS))
def test_it_predicts_as_when_called_directly(path, name, kind, shape):
    table = stored(inputs(name), kind)
    to = pd.DataFrame.to_numpy if shape == "matrix" else pd.DataFrame
    estimator = fitted(name, table.frame, to=to)
    joblib.dump(estimator, path)
    predicted = call(estimator.predict, to(table.frame))
    outputs = outputs_of(predicted)
    columns = columns_of(table.frame)

    result = scored(
        "sklearn", path, inputs=columns if shape == "matrix" else columns[::-1], outputs=outputs, data=table.data
    )

    agree_in_all(result, outputs, predicted)


CLASSIFIERS = [
    (name, kind) for name in names() for kind in KINDS if "Classifier" in name or name.endswith(("NB", "SVC"))
]
CLASSIFIERS += [(name, "parquet") for name in ("LinearDiscriminantAnalysis", "GaussianMixture", "LabelSpreading")]


@pytest.mark.parametrize(("name", "kind"), sampled(CLASSIFIERS, 5, ids=[" ".join(case) for case in CLASSIFIERS]))
def test_it_gives_each_class_s_probability_or_says_that_there_is_none(path, name, kind):
    table = stored(inputs(name), kind)
    estimator = fitted(name, table.frame, to=pd.DataFrame)
    joblib.dump(estimator, path)
    several = name in {"ClassifierChain", "MultiOutputClassifier"}
    classes = [f"output {at}_1" for at in range(2)] if several else list(getattr(estimator, "classes_", range(1)))
    outputs = outputs_of(call(estimator.predict, table.frame), classes)

    result = scored("sklearn", path, inputs=columns_of(table.frame), outputs=outputs, data=table.data)

    if not hasattr(estimator, "predict_proba"):
        assert result.refused is not None
        assert result.refused.code == "signature-mismatch"
        assert "CalibratedClassifierCV" in result.refused.message
        return
    probabilities = call(estimator.predict_proba, table.frame)
    if several:
        probabilities = (
            np.column_stack([each[:, 1] for each in probabilities])
            if isinstance(probabilities, list)
            else probabilities
        )
    for at, each in enumerate(classes):
        agree(result, probabilities[:, at], output=f"probability_{each}", tolerance=1e-9)


@pytest.mark.parametrize("name", sampled(list(MORE), 3))
def test_it_predicts_in_other_company_too(path, name):
    estimator = MORE[name]()
    joblib.dump(estimator, path)
    predicted = call(estimator.predict, NUMBERS)
    outputs = outputs_of(predicted)

    result = scored(
        "sklearn", path, inputs=columns_of(NUMBERS)[::-1], outputs=outputs, data=stored(NUMBERS, "parquet").data
    )

    agree_in_all(result, outputs, predicted)
