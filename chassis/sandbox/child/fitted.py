"""What a fitted scikit-learn estimator takes and predicts, as far as it tells."""

from collections.abc import Iterator
from typing import Any, Final

from .estimator_parts import (
    first_by_name,
    inner_estimators,
    is_a,
    is_passed,
    knows_its_features,
    takes,
    used_places,
)

_DICTIONARIES: Final = ("DictVectorizer", "FeatureHasher")


def heads(estimator: Any) -> Iterator[Any]:
    """The estimators that get the model's input itself."""
    if is_a(estimator, "Pipeline"):
        steps = [step for _, step in estimator.steps if not is_passed(step)]
        yield from heads(steps[0]) if steps else ()
    elif is_a(estimator, "FeatureUnion"):
        for _, transformer in estimator.transformer_list:
            yield from () if is_passed(transformer) else heads(transformer)
    elif knows_its_features(estimator) or not (inner := list(inner_estimators(estimator))):
        yield estimator
    else:
        yield from heads(inner[0])


def last_step(estimator: Any) -> Any:
    """What predicts: behind pipelines and searches."""
    if is_a(estimator, "Pipeline"):
        return last_step(estimator.steps[-1][1])
    return last_step(estimator.best_estimator_) if hasattr(estimator, "best_estimator_") else estimator


def takes_one_dimension(head: Any) -> bool:
    """Whether it was fitted with a sequence of values, such as texts, and would take a frame for its columns' names."""
    if knows_its_features(head):
        return False
    return is_a(head, "FunctionTransformer") or takes(head, "two_d_array") is False


def takes_dictionaries(head: Any) -> bool:
    return type(head).__name__ in _DICTIONARIES


def is_known(head: Any) -> bool:
    """Whether it tells what it takes; a class of somebody's own may not."""
    return knows_its_features(head) or type(head).__module__.startswith("sklearn.")


def used_names(estimator: Any) -> list[str] | None:
    """The names of the columns that it was fitted with and needs, in its order; None where it knows none."""
    first = first_by_name(estimator)
    if first is not None:
        return [str(first.feature_names_in_[at]) for at in used_places(first)]
    for each in (estimator, *heads(estimator)):
        names = getattr(each, "feature_names_in_", None)
        if names is not None:
            return [str(name) for name in names]
    return None


def feature_count(estimator: Any) -> int | None:
    for each in (estimator, *heads(estimator)):
        count = getattr(each, "n_features_in_", None)
        if count is not None:
            return int(count)
    return None
