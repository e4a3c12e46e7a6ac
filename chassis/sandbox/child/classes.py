"""What a classifier gives: the class, and the probabilities that the signature's outputs ask for by their names."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from .binding import SignatureMismatch
from .conversion import Column
from .output_types import as_declared, label_text
from .outputs import PREDICTION, PredictionShape
from .result_values import to_values

PROBABILITY: Final = "probability"
"""Of the second of two classes. `probability_<class>` is that of any class; every other output is the class."""
_SHOWN: Final = 5


class Classes:
    """Of one target.

    Args:
        known: the classes in the model's order, None where it doesn't say (then 0, 1, …).
        outputs: the signature's.

    Raises:
        SignatureMismatch: the classes are known, and an output asks for another, or can't hold them.
    """

    def __init__(self, known: Sequence[Any] | npt.NDArray[Any] | None, outputs: Sequence[Column]) -> None:
        self._known = None if known is None else [str(label_text(each)) for each in known]
        self._names = [column.name for column in outputs]
        self.wanted = any(is_probability(name) for name in self._names)
        labels = [column for column in outputs if not is_probability(column.name)]
        self.label_wanted = bool(labels) or not outputs
        if known is not None and self._known is not None:
            _check_labels(known, labels)
            _check_single(labels)
            for name in self._names:
                if is_probability(name):
                    _place(name, self._known, SignatureMismatch)

    def outputs_of(self, probabilities: Any, labels: Any | None = None) -> dict[str, Any]:
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
        if len(known) != table.shape[1]:
            raise PredictionShape(f"the model gives {table.shape[1]} probabilities a row and has {len(known)} classes")
        label = table.argmax(axis=1) if labels is None else labels
        return {
            name: table[:, _place(name, known, PredictionShape)] if is_probability(name) else label
            for name in self._names or [PREDICTION]
        }


class TargetClasses:
    """Of several targets: an output each, in the model's order, and `probability_<output>_<class>`.

    Args:
        known: each target's classes in the model's order.
        outputs: the signature's.

    Raises:
        SignatureMismatch: there isn't an output for each target, or one asks for a class that there isn't.
    """

    def __init__(self, known: Sequence[Sequence[Any] | npt.NDArray[Any]], outputs: Sequence[Column]) -> None:
        labels = [column for column in outputs if not is_probability(column.name)]
        self._labels = [column.name for column in labels]
        self._known = known
        self._wanted = [column.name for column in outputs if is_probability(column.name)]
        self.wanted = bool(self._wanted)
        self.label_wanted = True
        if len(labels) != len(known):
            raise SignatureMismatch(
                f"the model predicts {len(known)} targets, and the signature has {len(labels)} outputs for them:"
                f" name one for each, in the model's order, and probabilities {PROBABILITY}_<output>_<class>"
            )
        for target, column in zip(known, labels, strict=True):
            _check_labels(target, [column])
        self._places = self._find(known)

    def outputs_of(self, probabilities: Any, labels: Any) -> dict[str, Any]:
        """By the outputs' names.

        Args:
            probabilities: a table a target (rows, its classes); or one (rows, targets) of each one's second class.
            labels: shape (rows, targets).
        """
        given = labels.toarray() if hasattr(labels, "toarray") else np.asarray(labels)
        if given.ndim != 2 or given.shape[1] != len(self._labels):  # noqa: PLR2004
            raise PredictionShape(f"the model gives classes of shape {given.shape} for {len(self._labels)} targets")
        found: dict[str, Any] = {name: given[:, at] for at, name in enumerate(self._labels)}
        tables = list(probabilities) if isinstance(probabilities, list) else _of_each(np.asarray(probabilities))
        for name in self._wanted:
            target, place = self._places[name]
            found[name] = np.asarray(tables[target])[:, place]
        return found

    def _find(self, known: Sequence[Sequence[Any] | npt.NDArray[Any]]) -> Mapping[str, tuple[int, int]]:
        every = [
            (f"{PROBABILITY}_{label}_{label_text(each)}", (target, place))
            for target, label in enumerate(self._labels)
            for place, each in enumerate(known[target])
        ]
        times = Counter(name for name, _ in every)
        for name in self._wanted:
            if times[name] != 1:
                reason = "is that of several targets" if times[name] else "is no class's of any target"
                raise SignatureMismatch(f"the output {name} {reason}: there are {_shown([each for each, _ in every])}")
        return dict(every)


def is_probability(name: str) -> bool:
    return name == PROBABILITY or name.startswith(f"{PROBABILITY}_")


def _place(name: str, known: list[str], error: type[Exception]) -> int:
    if name == PROBABILITY and len(known) == 2:  # noqa: PLR2004
        return 1
    wanted = name.removeprefix(f"{PROBABILITY}_")
    if wanted not in known:
        ways = _shown([f"{PROBABILITY}_{each}" for each in known])
        raise error(f"the output {name} is no class's: the model has {len(known)} classes ({ways})")
    return known.index(wanted)


def _check_labels(known: Sequence[Any] | npt.NDArray[Any], labels: Sequence[Column]) -> None:
    """Whether the outputs' types can hold the classes."""
    for column in labels:
        try:
            as_declared(to_values(np.asarray(known)), Column(column.name, column.type, required=False))
        except PredictionShape as error:
            texts = _shown([str(label_text(each)) for each in known])
            raise SignatureMismatch(f"{error}; its classes are {texts}") from error


def _check_single(labels: Sequence[Column]) -> None:
    if len(labels) > 1:
        names = _shown([column.name for column in labels])
        raise SignatureMismatch(f"the model predicts one class, and the signature has several outputs for it: {names}")


def _of_each(table: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    """A table a target, of its two classes, where the model gives the second's alone."""
    return [np.column_stack([1 - table[:, at], table[:, at]]) for at in range(table.shape[1])]


def _shown(texts: Sequence[str]) -> str:
    shown = ", ".join(texts[:_SHOWN])
    return shown if len(texts) <= _SHOWN else f"{shown} …"
