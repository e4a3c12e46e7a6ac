"""Values that an estimator was fitted with: those among which its encoders find a column's."""

from collections.abc import Sequence
from typing import Any

from .conversion import Column
from .fitted import feature_count, used_names
from .fitted_columns import look_into


def known_values(estimator: Any, columns: Sequence[Column]) -> dict[str, list[Any]]:
    """By the columns' names; nothing of a column that no encoder takes as it is.

    Args:
        estimator: a fitted one.
        columns: of the signature, that it gets; in its order where their names aren't its own.
    """
    names, ours = used_names(estimator), [column.name for column in columns]
    if names is None or not set(names) <= set(ours):
        if len(ours) != (feature_count(estimator) if names is None else len(names)):
            return {}
        names = ours
    seen = look_into(estimator, len(names)).columns
    found = {
        name: [each for known in column.categories for each in known.tolist()]
        for name, column in zip(names, seen, strict=True)
    }
    return {name: kept for name, values in found.items() if (kept := [each for each in values if _is_there(each)])}


def _is_there(value: Any) -> bool:
    return value is not None and value == value  # noqa: PLR0124 - NaN
