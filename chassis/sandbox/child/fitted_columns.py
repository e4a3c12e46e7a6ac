"""What a fitted scikit-learn estimator shows of the columns that it was fitted with.

A column is followed from the model's input through the steps that hand it on as it is, up to the ones that take it.
What lies behind a step that makes something else of it isn't seen.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .boosted_estimators import boosted_categories
from .estimator_parts import (
    first_by_name,
    indices,
    inner_estimators,
    is_a,
    is_dropped,
    is_passed,
    takes,
    used_places,
)

_TAKES_ANYTHING: Final = ("sklearn.dummy", "sklearn.feature_extraction", "sklearn.preprocessing._function_transformer")


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
    """`inputs`: how many columns it gets: all that it was fitted with, or those of `fitted.used_names`."""
    sight = Sight([Seen() for _ in range(inputs)])
    _follow(estimator, _places(estimator, inputs), sight)
    return sight


def _places(estimator: Any, inputs: int) -> Places:
    """Where the inputs stood among the columns that it was fitted with, some of which it may drop at once."""
    taken, first = [Taken(place) for place in range(inputs)], first_by_name(estimator)
    if first is None or len(used := used_places(first)) != inputs:
        return taken
    places: list[Taken | None] = [None] * len(first.feature_names_in_)
    for at, each in zip(used, taken, strict=True):
        places[at] = each
    return places


def _follow(estimator: Any, places: Places, sight: Sight) -> Places:
    """Notes what the estimator shows, and says which inputs its output's columns are."""
    if is_passed(estimator):
        return places
    if is_a(estimator, "Pipeline"):
        for _, step in estimator.steps:
            places = _follow(step, places, sight)
        return places
    if is_a(estimator, "ColumnTransformer"):
        return _follow_columns(estimator, places, sight)
    if is_a(estimator, "FeatureUnion"):
        for _, transformer in estimator.transformer_list:
            _follow(transformer, places, sight)
        return ()
    if is_a(estimator, "FunctionTransformer"):
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
    demanding = not takes(estimator, "allow_nan")
    for taken in places:
        if taken is not None:
            sight.columns[taken.place].numeric = True
            sight.columns[taken.place].complete |= demanding and not taken.filled
    return places if is_a(estimator, "OneToOneFeatureMixin") else ()


def _follow_inner(estimator: Any, places: Places, sight: Sight) -> None:
    for inner in inner_estimators(estimator):
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
        if is_dropped(step):
            continue
        taken = [places[at] if at < len(places) else None for at in indices(transformer, name)]
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
        None if taken is None else replace(taken, filled=taken.filled or _is_missing_mark(imputer.missing_values))
        for taken, value in zip(places, statistics, strict=False)
        if imputer.keep_empty_features or not _is_nan(value)
    ]
    indicator = getattr(imputer, "indicator_", None)
    return kept if indicator is None else (*kept, *[None] * len(indicator.features_))


def _is_missing_mark(value: Any) -> bool:
    """Whether an imputer's `missing_values` are those of a frame: None, NaN, pandas' NA."""
    return value is None or _is_nan(value) or type(value).__name__ == "NAType"


def _is_nan(value: Any) -> bool:
    return isinstance(value, float) and bool(np.isnan(value))


def _calculates(estimator: Any) -> bool:
    """Whether it is one of scikit-learn's own that turns its input into floats."""
    module = type(estimator).__module__
    if not module.startswith("sklearn.") or module.startswith(_TAKES_ANYTHING) or list(inner_estimators(estimator)):
        return False
    kernel = getattr(estimator, "kernel_", None)
    return getattr(kernel, "requires_vector_input", True) and not takes(estimator, "string")
