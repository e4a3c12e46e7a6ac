"""Every estimator of scikit-learn that predicts, ready to be fitted, and targets that it can learn."""

import warnings

import numpy as np
import pandas as pd
from sklearn import ensemble, linear_model, multioutput, naive_bayes, svm, tree
from sklearn.base import is_classifier
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it adds two to the estimators
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import all_estimators

RANDOM = np.random.default_rng(17)
ROWS = 230
NUMBERS = pd.DataFrame(RANDOM.normal(size=(ROWS, 4)), columns=["price", "stock", "week", "promo share"])
COUNTS = pd.DataFrame(RANDOM.integers(0, 5, size=(ROWS, 4)), columns=NUMBERS.columns)
VALUE = 2 * NUMBERS["price"] - NUMBERS["week"] ** 2
CLASS = np.array(["high", "low", "mid"])[(NUMBERS["price"] > 0.3).astype(int) + (NUMBERS["stock"] > 0.2)]
SIDE = np.where(NUMBERS["price"] > 0, 1, 0)
BOTH_VALUES = np.column_stack([VALUE, NUMBERS["stock"] - VALUE])
LABELS = np.column_stack([NUMBERS["price"] > 0, NUMBERS["stock"] > 0.2]).astype(int)
PARTLY = np.where(RANDOM.random(ROWS) < 0.4, -1, SIDE)
TREE = tree.DecisionTreeRegressor(max_depth=4, random_state=0)
_GRID = {"alpha": [0.1, 1.0]}

_SPECIAL = {
    "BaggingClassifier": lambda cls: cls(tree.DecisionTreeClassifier(max_depth=3), 5, random_state=0),
    "BaggingRegressor": lambda cls: cls(TREE, 5, random_state=0, max_features=0.5),
    "AdaBoostClassifier": lambda cls: cls(n_estimators=8, random_state=0),
    "AdaBoostRegressor": lambda cls: cls(n_estimators=8, random_state=0),
    "CalibratedClassifierCV": lambda cls: cls(svm.LinearSVC(), cv=3),
    "ClassifierChain": lambda cls: cls(LogisticRegression()),
    "RegressorChain": lambda cls: cls(linear_model.Ridge()),
    "EllipticEnvelope": lambda cls: cls(random_state=0),
    "FixedThresholdClassifier": lambda cls: cls(LogisticRegression(), threshold=0.3),
    "TunedThresholdClassifierCV": lambda cls: cls(LogisticRegression(), cv=3),
    "GridSearchCV": lambda cls: cls(linear_model.Ridge(), _GRID, cv=3),
    "RandomizedSearchCV": lambda cls: cls(linear_model.Ridge(), _GRID, n_iter=2, cv=3, random_state=0),
    "LocalOutlierFactor": lambda cls: cls(novelty=True),
    "MultiOutputClassifier": lambda cls: cls(LogisticRegression()),
    "MultiOutputRegressor": lambda cls: cls(linear_model.Ridge()),
    "OneVsOneClassifier": lambda cls: cls(LogisticRegression()),
    "OneVsRestClassifier": lambda cls: cls(LogisticRegression()),
    "OutputCodeClassifier": lambda cls: cls(LogisticRegression(), random_state=0),
    "RANSACRegressor": lambda cls: cls(random_state=0),
    "RFE": lambda cls: cls(LinearRegression(), n_features_to_select=2),
    "RFECV": lambda cls: cls(LinearRegression(), cv=3),
    "RadiusNeighborsClassifier": lambda cls: cls(radius=9.0, outlier_label="most_frequent"),
    "RadiusNeighborsRegressor": lambda cls: cls(radius=9.0),
    "SelfTrainingClassifier": lambda cls: cls(LogisticRegression()),
    "StackingClassifier": lambda cls: cls([("a", naive_bayes.GaussianNB()), ("b", LogisticRegression())], cv=3),
    "StackingRegressor": lambda cls: cls([("a", TREE), ("b", LinearRegression())], cv=3, passthrough=True),
    "VotingClassifier": lambda cls: cls([("a", naive_bayes.GaussianNB()), ("b", LogisticRegression())], voting="soft"),
    "VotingRegressor": lambda cls: cls([("a", TREE), ("b", LinearRegression())]),
    "Pipeline": lambda cls: cls([("scale", StandardScaler()), ("ridge", linear_model.Ridge())]),
    "HalvingGridSearchCV": lambda cls: cls(linear_model.Ridge(), _GRID, cv=3, min_resources=100),
    "HalvingRandomSearchCV": lambda cls: cls(
        linear_model.Ridge(), _GRID, n_candidates=2, cv=3, min_resources=100, random_state=0
    ),
    "TransformedTargetRegressor": lambda cls: cls(LinearRegression(), func=np.arcsinh, inverse_func=np.sinh),
}
_QUICK = {"n_estimators": 8, "max_iter": 60, "n_jobs": None, "random_state": 0}
_COUNTED = {"MultinomialNB", "ComplementNB", "CategoricalNB"}
_POSITIVE = {"GammaRegressor", "PoissonRegressor", "TweedieRegressor"}
_TWO_VALUES = {"CCA", "PLSCanonical", "PLSRegression", "RegressorChain", "MultiOutputRegressor"}
_TWO_LABELS = {"ClassifierChain", "MultiOutputClassifier"}
_ONE_SIDED = {"FixedThresholdClassifier", "TunedThresholdClassifierCV"}
_SLOW_TO_CONVERGE = {"LogisticRegressionCV", "MLPClassifier", "MLPRegressor"}


def names():
    """Of all that predict, the experimental ones included."""
    return [name for name, cls in all_estimators() if hasattr(cls, "predict")]


def fitted(name, rows, *, to):
    """The estimator fitted to `rows`, which are `to(...)` of its inputs: a frame or a matrix."""
    estimator = _made(name)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(to(rows), target(name, estimator))


def inputs(name):
    if name == "IsotonicRegression":
        return NUMBERS[["price"]]
    return COUNTS if name in _COUNTED else NUMBERS


def target(name, estimator):
    if name.startswith("MultiTask") or name in _TWO_VALUES:
        return BOTH_VALUES
    if name in _TWO_LABELS:
        return LABELS
    if name == "SelfTrainingClassifier":
        return PARTLY
    if name in _ONE_SIDED or name in {"LabelPropagation", "LabelSpreading"}:
        return SIDE
    if is_classifier(estimator):
        return CLASS
    return np.abs(VALUE) + 0.1 if name in _POSITIVE else VALUE


def _made(name):
    cls = dict(all_estimators())[name]
    if name in _SPECIAL:
        return _SPECIAL[name](cls)
    known = cls().get_params()
    chosen = {
        key: value for key, value in _QUICK.items() if key in known and not (key == "max_iter" and known[key] is None)
    }
    if name in _SLOW_TO_CONVERGE:
        chosen["max_iter"] = 30
    return cls(**chosen)


MORE = {
    "SVC with probabilities": lambda: svm.SVC(probability=True, random_state=0).fit(NUMBERS, CLASS),
    "ExtraTrees of several targets": lambda: ensemble.ExtraTreesRegressor(8, random_state=0).fit(NUMBERS, BOTH_VALUES),
    "FrozenEstimator": lambda: FrozenEstimator(LinearRegression().fit(NUMBERS, VALUE)),
    "Calibrated of a frozen one": lambda: CalibratedClassifierCV(
        FrozenEstimator(LogisticRegression().fit(NUMBERS, CLASS)), method="isotonic"
    ).fit(NUMBERS, CLASS),
    "VotingClassifier by majority": lambda: ensemble.VotingClassifier(
        [("a", LogisticRegression()), ("b", svm.LinearSVC())]
    ).fit(NUMBERS, CLASS),
    "Chain of chains": lambda: multioutput.RegressorChain(TREE, order=[1, 0]).fit(NUMBERS, BOTH_VALUES),
    "KMeans of one cluster": lambda: KMeans(1, n_init=1).fit(NUMBERS),
    "Ridge with a column as target": lambda: linear_model.Ridge().fit(NUMBERS, VALUE.to_frame()),
}
