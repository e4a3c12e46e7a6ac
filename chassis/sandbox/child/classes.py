"""What a classifier gives: the class, and the probabilities that the signature's outputs ask for by their names."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .conversion import Column
from .outputs import PREDICTION, PredictionShape

PROBABILITY: Final = "probability"
"""Of the second of two classes. `probability_<class>` is that of any class; every other output is the class."""


class Classes:
    """Args: `known`, the classes in the model's order, None where it doesn't say (then 0, 1, …)."""

    def __init__(self, known: Sequence[Any] | npt.NDArray[Any] | None, outputs: Sequence[Column]) -> None:
        self._known = None if known is None else [_text(each) for each in known]
        self._names = [column.name for column in outputs]
        self.wanted = any(_is_probability(name) for name in self._names)
        self.label_wanted = not all(_is_probability(name) for name in self._names)

    def outputs_of(self, probabilities: Any, labels: Any | None = None) -> dict[str, npt.NDArray[Any]]:
        """By the outputs' names.

        Args:
            probabilities: shape (rows, classes), or (rows,) for the second of two.
            labels: the classes predicted; None: the most probable ones' places.

        Raises:
            PredictionShape: an output asks for a class that there isn't.
        """
        table = np.asarray(probabilities)
        if table.ndim == 1:
            table = np.column_stack([1 - table, table])
        known = self._known or [str(number) for number in range(table.shape[1])]
        label = table.argmax(axis=1) if labels is None else np.asarray(labels)
        return {
            name: table[:, _place(name, known)] if _is_probability(name) else label
            for name in self._names or [PREDICTION]
        }


def _place(name: str, known: list[str]) -> int:
    if name == PROBABILITY and len(known) == 2:  # noqa: PLR2004
        return 1
    wanted = name.removeprefix(f"{PROBABILITY}_")
    if wanted not in known:
        ways = ", ".join(f"{PROBABILITY}_{each}" for each in known[:5])
        raise PredictionShape(f"the output {name} is no class's: the model has {len(known)} classes ({ways} …)")
    return known.index(wanted)


def _is_probability(name: str) -> bool:
    return name == PROBABILITY or name.startswith(f"{PROBABILITY}_")


def _text(label: Any) -> str:
    """As in a name: `1.0` of a fitted estimator is the class 1."""
    return str(int(label)) if isinstance(label, float) and label.is_integer() else str(label)
