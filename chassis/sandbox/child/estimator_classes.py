"""The classes of a fitted estimator, held against the outputs that the signature declares."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from .binding import SignatureMismatch
from .classes import Classes, TargetClasses, is_probability
from .conversion import Column
from .fitted import last_step


def classes_of(estimator: Any, outputs: Sequence[Column]) -> Classes | TargetClasses | None:
    """None: no classifier.

    Raises:
        SignatureMismatch: the outputs aren't what it gives.
    """
    known = getattr(estimator, "classes_", None)
    gives = hasattr(estimator, "predict_proba")
    asked = [column.name for column in outputs if is_probability(column.name)]
    if asked and not gives and known is not None:
        raise SignatureMismatch(
            f"the output {asked[0]} asks for a probability, and {type(last_step(estimator)).__name__} gives none:"
            " leave it out, or fit the estimator in a CalibratedClassifierCV"
        )
    targets = _targets(estimator, known)
    if targets is not None:
        return TargetClasses(targets, outputs)
    if known is None:
        return Classes(None, outputs) if asked and gives else None
    return Classes(known, outputs)


def _targets(estimator: Any, known: Any) -> list[Any] | None:
    """The classes of each of several targets; None where there is one."""
    if isinstance(known, list) and known and np.ndim(known[0]) == 1:
        return known
    last = last_step(estimator)
    kind = getattr(getattr(last, "_label_binarizer", None), "y_type_", "")
    if getattr(last, "multilabel_", False) is True or str(kind).startswith("multilabel"):
        return [np.array([0, 1])] * len(known)
    return None
