"""How scikit-learn's estimators are made of one another: pipelines, transformers of columns, meta-estimators."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

_INNER: Final = ("best_estimator_", "estimator_", "estimators_", "regressor_", "calibrated_classifiers_", "estimator")
"""Where meta-estimators keep the fitted ones that get the same columns as they."""


def first_by_name(estimator: Any) -> Any:
    """The column transformer that a pipeline begins with: it takes what it needs by name, and nothing else."""
    if hasattr(estimator, "best_estimator_"):
        return first_by_name(estimator.best_estimator_)
    if is_a(estimator, "Pipeline"):
        steps = [step for _, step in estimator.steps if not is_passed(step)]
        return first_by_name(steps[0]) if steps else None
    by_name = is_a(estimator, "ColumnTransformer") and hasattr(estimator, "feature_names_in_")
    return estimator if by_name else None


def used_places(transformer: Any) -> list[int]:
    """Of the columns that a column transformer was fitted with, those that it doesn't drop."""
    return sorted(
        {at for name, step, _ in transformer.transformers_ if not is_dropped(step) for at in indices(transformer, name)}
    )


def inner_estimators(estimator: Any) -> Iterator[Any]:
    """The fitted estimators in one that is made of others; of many of a kind, as in a forest, the first."""
    for name in _INNER:
        trees = set[type]()
        for each in _listed(getattr(estimator, name, None)):
            fitted = each.estimator if hasattr(each, "calibrators") else each
            if not hasattr(fitted, "fit") or type(fitted) in trees:
                continue
            if is_a(fitted, "BaseDecisionTree"):
                trees.add(type(fitted))
            yield fitted


def _listed(found: Any) -> list[Any]:
    if isinstance(found, np.ndarray):
        return found.ravel().tolist()
    return list(found) if isinstance(found, list | tuple) else [found]


def indices(transformer: Any, name: str) -> list[int]:
    return list(transformer._transformer_to_input_indices[name])  # noqa: SLF001 - what was resolved when it was fitted


def takes(estimator: Any, tag: str) -> bool | None:
    """What its tags say of its input; None where it has none."""
    from sklearn.utils import get_tags

    try:
        return bool(getattr(get_tags(estimator).input_tags, tag))
    except Exception:  # noqa: BLE001 - a class that only looks like an estimator
        return None


def knows_its_features(estimator: Any) -> bool:
    return hasattr(estimator, "n_features_in_") or hasattr(estimator, "feature_names_in_")


def is_a(estimator: Any, name: str) -> bool:
    """By the names of its classes, of which its library may have made subclasses."""
    return any(kind.__name__ == name for kind in type(estimator).__mro__)


def is_passed(step: Any) -> bool:
    return step is None or isinstance(step, str)


def is_dropped(step: Any) -> bool:
    return isinstance(step, str) and step == "drop"
