"""An example of each scikit-learn estimator that skl2onnx has a converter for."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from skl2onnx._supported_operators import sklearn_operator_name_map
from sklearn.base import is_classifier
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

RANDOM = np.random.default_rng(0)
ROWS = 150
MATRIX = pd.DataFrame(RANDOM.normal(size=(ROWS, 4)).astype(np.float32), columns=["a", "b", "c", "d"])
POSITIVE = MATRIX.abs()
COUNTS = (POSITIVE * 2).astype(int).clip(0, 3)
PLACES = pd.DataFrame(RANDOM.choice(["Lyon", "Nice", "Brest"], (ROWS, 2)), columns=["home", "shop"])
WORDS = ["red", "blue", "green", "sky", "sea", "one"]
TEXTS = pd.DataFrame({"text": [" ".join(RANDOM.choice(WORDS, 5)) for _ in range(ROWS)]})
DISTANCES = pd.DataFrame(MATRIX.to_numpy() @ MATRIX.to_numpy().T).add_prefix("r")
TOTAL = (MATRIX["a"] * 2 - MATRIX["b"]).to_numpy()
SECOND = (MATRIX["a"] > 0).to_numpy().astype(int)
THIRD = np.array(["no", "may be", "yes"], dtype=object)[SECOND + (MATRIX["b"] > 0.5).to_numpy()]
TWO = {"texts": np.array(["yes", "no"], dtype=object)[SECOND], "numbers": np.array([7, 3])[SECOND]}
PAIR = np.column_stack([TOTAL, -TOTAL])


@dataclass(frozen=True)
class Example:
    """`scores`: its "probabilities" are none. `tolerance`: the converter's own precision."""

    make: Callable[[Any], Any]
    frame: pd.DataFrame = field(default_factory=lambda: MATRIX)
    target: Any = None
    tolerance: float = 1e-4
    scores: bool = False
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    opsets: dict[str, int] | None = None


def _with(first: Any = None, /, **fields: Any) -> Callable[[Any], Any]:
    return lambda of: of(first, **fields) if first is not None else of(**fields)


BOTH = [("line", LogisticRegression()), ("tree", DecisionTreeClassifier(max_depth=3))]
BOTH_LINES = [("line", Ridge()), ("tree", DecisionTreeRegressor(max_depth=3))]
SMALL = _with(n_estimators=10)
OF_OLD_TREES = {"": 18, "ai.onnx.ml": 3}
SPECIAL = {
    "AdaBoostClassifier": Example(SMALL),
    "AdaBoostRegressor": Example(SMALL),
    "BayesianGaussianMixture": Example(_with(n_components=3), tolerance=1e-2),
    "CalibratedClassifierCV": Example(_with(cv=2)),
    "CastRegressor": Example(_with(DecisionTreeRegressor(max_depth=2))),
    "CategoricalNB": Example(_with(), COUNTS),
    "ColumnTransformer": Example(lambda of: of([("s", _named("StandardScaler")(), [0, 1])], remainder="passthrough")),
    "CountVectorizer": Example(_with(lowercase=False), TEXTS),
    "ExtraTreesClassifier": Example(SMALL),
    "ExtraTreesRegressor": Example(SMALL),
    "FeatureHasher": Example(_with(n_features=8, input_type="string"), PLACES),
    "FeatureUnion": Example(lambda of: of([("s", _named("StandardScaler")()), ("p", _named("PCA")(2))])),
    "GammaRegressor": Example(_with(), target=np.exp(TOTAL)),
    "GaussianMixture": Example(_with(n_components=3), tolerance=1e-2),
    "GaussianProcessClassifier": Example(_with(), target=SECOND),
    "GaussianProcessRegressor": Example(_with(alpha=0.5), tolerance=1e-2),
    "GaussianRandomProjection": Example(_with(n_components=2)),
    "GenericUnivariateSelect": Example(_with(param=50), target=THIRD),
    "GridSearchCV": Example(_with(LogisticRegression(), param_grid={"C": [1, 2]}, cv=2)),
    "IsolationForest": Example(SMALL, opsets=OF_OLD_TREES),
    "KBinsDiscretizer": Example(_with(n_bins=3, encode="ordinal", quantile_method="averaged_inverted_cdf")),
    "KernelCenterer": Example(_with(), DISTANCES, tolerance=1e-3),
    "KernelPCA": Example(_with(n_components=2), tolerance=1e-3),
    "LabelBinarizer": Example(_with(), COUNTS[["a"]]),
    "LabelEncoder": Example(_with(), PLACES[["home"]]),
    "LinearSVC": Example(_with(), scores=True),
    "LocalOutlierFactor": Example(_with(novelty=True), tolerance=1e-3),
    "MultiOutputClassifier": Example(_with(LogisticRegression()), target=np.column_stack([SECOND, 1 - SECOND])),
    "MultiOutputRegressor": Example(_with(Ridge()), target=PAIR),
    **{
        f"MultiTask{each}": Example(_with(), target=PAIR) for each in ("ElasticNet", "ElasticNetCV", "Lasso", "LassoCV")
    },
    "MultinomialNB": Example(_with(), POSITIVE),
    "ComplementNB": Example(_with(), POSITIVE),
    "NearestNeighbors": Example(_with(n_neighbors=3, radius=None), tolerance=0),
    "NeighborhoodComponentsAnalysis": Example(_with(), target=THIRD),
    "NuSVC": Example(_with(nu=0.1, probability=True), tolerance=1e-3),
    "OneHotEncoder": Example(_with(sparse_output=False), PLACES),
    "OneVsOneClassifier": Example(_with(LogisticRegression()), target=np.unique(THIRD, return_inverse=True)[1]),
    "OneVsRestClassifier": Example(_with(LogisticRegression())),
    "OrdinalEncoder": Example(_with(), PLACES),
    "PassiveAggressiveClassifier": Example(_with(), scores=True),
    "Perceptron": Example(_with(), scores=True),
    "Pipeline": Example(lambda of: of([("s", _named("StandardScaler")()), ("c", LogisticRegression())])),
    "PoissonRegressor": Example(_with(), target=np.exp(TOTAL)),
    "QuadraticDiscriminantAnalysis": Example(_with(), tolerance=1e-3),
    "QuantileTransformer": Example(_with(n_quantiles=20), tolerance=1e-2),
    "RANSACRegressor": Example(_with(random_state=0)),
    "RFE": Example(_with(LinearRegression())),
    "RFECV": Example(_with(LinearRegression())),
    "RadiusNeighborsClassifier": Example(_with(radius=10.0)),
    "RadiusNeighborsRegressor": Example(_with(radius=10.0)),
    "RandomForestClassifier": Example(SMALL),
    "RandomForestRegressor": Example(SMALL),
    "RandomTreesEmbedding": Example(_with(n_estimators=3, sparse_output=False)),
    "RidgeClassifier": Example(_with(), scores=True),
    "RidgeClassifierCV": Example(_with(), scores=True),
    "SGDClassifier": Example(_with(loss="log_loss")),
    "SVC": Example(_with(probability=True), tolerance=1e-3),
    "SelectFdr": Example(_with(alpha=0.99), target=THIRD),
    "SelectFpr": Example(_with(alpha=0.99), target=THIRD),
    "SelectFromModel": Example(_with(LinearRegression())),
    "SelectFwe": Example(_with(alpha=0.99), target=THIRD),
    "SelectKBest": Example(_with(k=2), target=THIRD),
    "SelectPercentile": Example(_with(percentile=50), target=THIRD),
    "StackingClassifier": Example(_with(BOTH, cv=2)),
    "StackingRegressor": Example(_with(BOTH_LINES, cv=2)),
    "TargetEncoder": Example(_with(), PLACES),
    "TfidfTransformer": Example(_with(), POSITIVE),
    "TfidfVectorizer": Example(_with(lowercase=False), TEXTS),
    "TruncatedSVD": Example(_with(n_components=2)),
    "TunedThresholdClassifierCV": Example(_with(LogisticRegression(), cv=2), target=SECOND),
    "VotingClassifier": Example(_with(BOTH, voting="soft", flatten_transform=False)),
    "VotingRegressor": Example(_with(BOTH_LINES)),
}
NOT_CONVERTED = {
    "DictVectorizer": "its input is a dictionary: no column is",
    "GaussianProcessClassifier": "the converter writes an operator that no ONNX Runtime has (com.microsoft Solve)",
    "HistGradientBoostingClassifier": "the converter fails with this NumPy",
    "HistGradientBoostingRegressor": "the converter fails with this NumPy",
    "_ConstantPredictor": "a part of OneVsRestClassifier, and fitted by it alone",
}
"""What the converter of the lock can't do, or what comes out of it no one can load."""


def _named(name: str) -> Any:
    return next(each for each in sklearn_operator_name_map if each.__name__ == name)


NAMES = sorted(each.__name__ for each in sklearn_operator_name_map)


def fitted(name: str, target: Any = None) -> tuple[Any, Example]:
    """The estimator, fitted, to another target if one is given."""
    example = SPECIAL.get(name, Example(_with()))
    estimator = example.make(_named(name))
    if "random_state" in estimator.get_params():
        estimator.set_params(random_state=0)
    target = example.target if target is None else target
    if target is None:
        target = THIRD if is_classifier(estimator) else TOTAL
    rows: Any = example.frame.to_numpy()
    if name in {"CountVectorizer", "LabelBinarizer", "LabelEncoder", "TfidfVectorizer"}:
        return estimator.fit(rows.ravel()), example
    if name in {"KernelCenterer", "FeatureHasher", "LocalOutlierFactor", "OneClassSVM"}:
        return estimator.fit(rows), example
    return estimator.fit(rows, target), example
