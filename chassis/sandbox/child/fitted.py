"""What a fitted scikit-learn estimator shows of the columns that it was fitted with.

A column is followed from the model's input through the steps that hand it on as it is, up to the ones that take it.
What lies behind a step that makes something else of it isn't seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .boosted_estimators import boosted_categories

_INNER: Final = ("best_estimator_", "estimator_", "estimators_", "regressor_", "calibrated_classifiers_", "estimator")
"""Where meta-estimators keep the fitted ones that get the same columns as they."""
_TAKES_ANYTHING: Final = ("sklearn.dummy", "sklearn.feature_extraction", "sklearn.preprocessing._function_transformer")
_DICTIONARIES: Final = ("DictVectorizer", "FeatureHasher")


@dataclass(frozen=True)
class Taken:
    """A column that a step gets: which of the model's inputs it is, and whether its missing values were filled."""

    place: int
    filled: bool = False


Places = Sequence[Taken | None]
"""The columns that a step gets; None: something made of inputs."""


@dataclass
class Seen:
    """What is known of one input.

    `categories`: the values that encoders know; `dtype_categories`: those that a column of pandas' type category has to
    begin with, None where it is of another; `missing`: what imputers take for a missing value; `numeric`: it is
    calculated with; `complete`: by what takes no missing or infinite value; `vectorizers`: what takes it for texts.
    """

    categories: list[npt.NDArray[Any]] = field(default_factory=list[npt.NDArray[Any]])
    dtype_categories: list[Any] | None = None
    missing: list[Any] = field(default_factory=list[Any])
    numeric: bool = False
    complete: bool = False
    vectorizers: list[Any] = field(default_factory=list[Any])


@dataclass
class Sight:
    """`columns`: the inputs, in the model's order. `behind`: values of what is made of some of them."""

    columns: list[Seen]
    behind: list[npt.NDArray[Any]] = field(default_factory=list[npt.NDArray[Any]])


def look_into(estimator: Any, inputs: int) -> Sight:
    sight = Sight([Seen() for _ in range(inputs)])
    _follow(estimator, [Taken(place) for place in range(inputs)], sight)
    return sight


def heads(estimator: Any) -> Iterator[Any]:
    """The estimators that get the model's input itself."""
    if _is_a(estimator, "Pipeline"):
        steps = [step for _, step in estimator.steps if not _is_passed(step)]
        yield from heads(steps[0]) if steps else ()
    elif _is_a(estimator, "FeatureUnion"):
        for _, transformer in estimator.transformer_list:
            yield from () if _is_passed(transformer) else heads(transformer)
    elif _knows_its_features(estimator) or not (inner := list(_inner(estimator))):
        yield estimator
    else:
        yield from heads(inner[0])


def last_step(estimator: Any) -> Any:
    """What predicts: behind pipelines and searches."""
    if _is_a(estimator, "Pipeline"):
        return last_step(estimator.steps[-1][1])
    return last_step(estimator.best_estimator_) if hasattr(estimator, "best_estimator_") else estimator


def takes_one_dimension(head: Any) -> bool:
    """Whether it was fitted with a sequence of values, such as texts, and would take a frame for its columns' names."""
    if _knows_its_features(head):
        return False
    return _is_a(head, "FunctionTransformer") or _takes(head, "two_d_array") is False


def takes_dictionaries(head: Any) -> bool:
    return type(head).__name__ in _DICTIONARIES


def is_known(head: Any) -> bool:
    """Whether it tells what it takes; a class of somebody's own may not."""
    return _knows_its_features(head) or type(head).__module__.startswith("sklearn.")


def used_names(estimator: Any) -> list[str] | None:
    """The names of the columns that it was fitted with and needs, in its order; None where it knows none."""
    first = _first_by_name(estimator)
    if first is not None:
        names = list(first.feature_names_in_)
        used = {at for name, step, _ in first.transformers_ if not _is_dropped(step) for at in _indices(first, name)}
        return [str(name) for at, name in enumerate(names) if at in used]
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


def _first_by_name(estimator: Any) -> Any:
    """The column transformer that a pipeline begins with: it takes what it needs by name, and nothing else."""
    if hasattr(estimator, "best_estimator_"):
        return _first_by_name(estimator.best_estimator_)
    if _is_a(estimator, "Pipeline"):
        steps = [step for _, step in estimator.steps if not _is_passed(step)]
        return _first_by_name(steps[0]) if steps else None
    by_name = _is_a(estimator, "ColumnTransformer") and hasattr(estimator, "feature_names_in_")
    return estimator if by_name else None


def _follow(estimator: Any, places: Places, sight: Sight) -> Places:
    """Notes what the estimator shows, and says which inputs its output's columns are."""
    if _is_passed(estimator):
        return places
    if _is_a(estimator, "Pipeline"):
        for _, step in estimator.steps:
            places = _follow(step, places, sight)
        return places
    if _is_a(estimator, "ColumnTransformer"):
        return _follow_columns(estimator, places, sight)
    if _is_a(estimator, "FeatureUnion"):
        for _, transformer in estimator.transformer_list:
            _follow(transformer, places, sight)
        return ()
    if _is_a(estimator, "FunctionTransformer"):
        return places if estimator.func is None else ()
    return _follow_one(estimator, places, sight)


def _follow_one(estimator: Any, places: Places, sight: Sight) -> Places:
    here = {at: sight.columns[taken.place] for at, taken in enumerate(places) if taken is not None}
    categories = getattr(estimator, "categories_", None)
    if isinstance(categories, list):
        for at, known in enumerate(categories):
            as_it_is = at in here and not here[at].numeric
            (here[at].categories if as_it_is else sight.behind).append(np.asarray(known))
    elif hasattr(estimator, "missing_values"):
        for column in here.values():
            column.missing.append(estimator.missing_values)
        return _imputed(estimator, places)
    elif hasattr(estimator, "analyzer"):
        for column in here.values():
            column.vectorizers.append(estimator)
    elif (preprocessor := getattr(estimator, "_preprocessor", None)) is not None:
        _follow(preprocessor, places, sight)
    elif _calculates(estimator):
        return _calculated(estimator, places, sight)
    else:
        _note_boosted(estimator, here)
        _follow_inner(estimator, places, sight)
    return ()


def _calculated(estimator: Any, places: Places, sight: Sight) -> Places:
    """Scalers hand a missing value on."""
    demanding = not _takes(estimator, "allow_nan")
    for taken in places:
        if taken is not None:
            sight.columns[taken.place].numeric = True
            sight.columns[taken.place].complete |= demanding and not taken.filled
    return places if _is_a(estimator, "OneToOneFeatureMixin") else ()


def _follow_inner(estimator: Any, places: Places, sight: Sight) -> None:
    for inner in _inner(estimator):
        if getattr(inner, "n_features_in_", len(places)) == len(places):
            _follow(inner, places, sight)


def _note_boosted(estimator: Any, here: dict[int, Seen]) -> None:
    categories = boosted_categories(estimator)
    if categories is None:
        return
    for place, column in here.items():
        if place in categories:
            column.categories.append(np.array(categories[place], dtype=object))
            column.dtype_categories = categories[place]
        else:
            column.numeric = True


def _follow_columns(transformer: Any, places: Places, sight: Sight) -> Places:
    outputs: list[Taken | None] = [None] * max((part.stop for part in transformer.output_indices_.values()), default=0)
    for name, step, _ in transformer.transformers_:
        if _is_dropped(step):
            continue
        taken = [places[at] if at < len(places) else None for at in _indices(transformer, name)]
        made = _follow(step, taken, sight)
        part = transformer.output_indices_[name]
        if len(made) == part.stop - part.start:
            outputs[part] = list(made)
    return outputs


def _imputed(imputer: Any, places: Places) -> Places:
    """The columns that an imputer hands on: without those that were empty, with those that say where it filled."""
    statistics = getattr(imputer, "statistics_", None)
    if statistics is None:
        return ()
    kept = [
        None if taken is None else replace(taken, filled=taken.filled or is_missing_mark(imputer.missing_values))
        for taken, value in zip(places, statistics, strict=False)
        if imputer.keep_empty_features or not _is_nan(value)
    ]
    indicator = getattr(imputer, "indicator_", None)
    return kept if indicator is None else (*kept, *[None] * len(indicator.features_))


def _inner(estimator: Any) -> Iterator[Any]:
    """The fitted estimators in one that is made of others; of many of a kind, as in a forest, the first."""
    for name in _INNER:
        trees = set[type]()
        for each in _listed(getattr(estimator, name, None)):
            fitted = each.estimator if hasattr(each, "calibrators") else each
            if not hasattr(fitted, "fit") or type(fitted) in trees:
                continue
            if _is_a(fitted, "BaseDecisionTree"):
                trees.add(type(fitted))
            yield fitted


def _listed(found: Any) -> list[Any]:
    if isinstance(found, np.ndarray):
        return found.ravel().tolist()
    return list(found) if isinstance(found, list | tuple) else [found]


def is_missing_mark(value: Any) -> bool:
    """Whether an imputer's `missing_values` are those of a frame: None, NaN, pandas' NA."""
    return value is None or _is_nan(value) or type(value).__name__ == "NAType"


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and bool(np.isnan(value))


def _indices(transformer: Any, name: str) -> list[int]:
    return list(transformer._transformer_to_input_indices[name])  # noqa: SLF001 - what was resolved when it was fitted


def _calculates(estimator: Any) -> bool:
    """Whether it is one of scikit-learn's own that turns its input into floats."""
    module = type(estimator).__module__
    if not module.startswith("sklearn.") or module.startswith(_TAKES_ANYTHING) or list(_inner(estimator)):
        return False
    kernel = getattr(estimator, "kernel_", None)
    return getattr(kernel, "requires_vector_input", True) and not _takes(estimator, "string")


def _takes(estimator: Any, tag: str) -> bool | None:
    """What its tags say of its input; None where it has none."""
    from sklearn.utils import get_tags

    try:
        return bool(getattr(get_tags(estimator).input_tags, tag))
    except Exception:  # noqa: BLE001 - a class that only looks like an estimator
        return None


def _knows_its_features(estimator: Any) -> bool:
    return hasattr(estimator, "n_features_in_") or hasattr(estimator, "feature_names_in_")


def _is_a(estimator: Any, name: str) -> bool:
    """By the names of its classes, of which its library may have made subclasses."""
    return any(kind.__name__ == name for kind in type(estimator).__mro__)


def _is_passed(step: Any) -> bool:
    return step is None or isinstance(step, str)


def _is_dropped(step: Any) -> bool:
    return isinstance(step, str) and step == "drop"
