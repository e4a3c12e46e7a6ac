"""What boosted trees give, held against the outputs that the signature declares: values, one class, or several labels.

Their files keep no labels: a class is its number, from 0.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from .binding import SignatureMismatch
from .classes import PROBABILITY, Classes
from .conversion import Column
from .outputs import PREDICTION

_FLOATS: Final = frozenset({"float", "double"})
_WHOLE: Final = frozenset({"integer", "long"})
_TWO: Final = 2
_HOLDS: Final = 0.5


class Answer(Protocol):
    """What a model gives for a row."""

    def outputs_of(self, raw: npt.NDArray[Any], classes: npt.NDArray[Any] | None = None) -> Any:
        """`raw`, as the library gave it, as `outputs.to_table` takes it; `classes`: where they are known already."""
        ...


class Values:
    """`width` numbers a row, in the model's order.

    Args:
        probability: whether the one value is a probability, which an output may then be called.

    Raises:
        SignatureMismatch: the outputs are others.
    """

    def __init__(self, width: int, outputs: Sequence[Column], *, probability: bool = False) -> None:
        count = len(outputs) or 1
        if width != count:
            raise SignatureMismatch(
                f"the model gives {width} values a row, and the signature has {count} outputs: declare {width}"
            )
        for output in outputs:
            if _asks_for_probability(output) and not (probability and output.name == PROBABILITY):
                raise SignatureMismatch(
                    f"the output {output.name} asks for a class's probability, and the model gives values:"
                    f" give it another name, as {PREDICTION}"
                )
            if output.type not in _FLOATS:
                raise SignatureMismatch(
                    f"the output {output.name} is of type {output.type}, and the model gives values with fractions:"
                    " declare it double"
                )

    def outputs_of(self, raw: npt.NDArray[Any], classes: npt.NDArray[Any] | None = None) -> Any:
        del classes
        return raw


@dataclass(frozen=True)
class ClassRules:
    """What an output may ask of a classifier."""

    certain: bool = False
    """The file says that it is a classifier. If not, a float that isn't called a probability may mean the library's
    own `predict`, which gives probabilities, or its scikit-learn interface's, which gives the class: it is refused."""
    probabilities: bool = True

    def check_probability(self, output: Column, names: Sequence[str]) -> None:
        """`names`: those that a probability may have. Raises: SignatureMismatch."""
        if not self.probabilities:
            raise SignatureMismatch(
                f"the output {output.name} asks for a probability, and the model gives none: train it with"
                " binary:logistic, or leave the output out"
            )
        if output.name not in names:
            ways = f"{names[0]} to {names[-1]}" if len(names) > 1 else names[0]
            raise SignatureMismatch(f"the output {output.name} is no class's: classes are numbers here, {ways}")
        if output.type not in _FLOATS:
            raise SignatureMismatch(
                f"the output {output.name} is of type {output.type}, and a probability has fractions: declare it double"
            )

    def check_class(self, output: Column, classes: int) -> None:
        """Raises: SignatureMismatch."""
        if output.type in _FLOATS and not self.certain:
            raise SignatureMismatch(
                f"the output {output.name} is of type {output.type}, which may mean a class or a probability:"
                f" declare a class as long, and call a probability {PROBABILITY}_<class>, from {PROBABILITY}_0 on"
            )
        fits = output.type in _WHOLE | _FLOATS or (output.type == "boolean" and classes <= _TWO)
        if not fits:
            raise SignatureMismatch(
                f"the output {output.name} is of type {output.type}, and the file knows its classes only as numbers"
                f" from 0 to {classes - 1}: declare it long"
            )


class OneClass:
    """One of several classes, and each one's probability.

    Raises:
        SignatureMismatch: the outputs ask for something else.
    """

    def __init__(self, classes: int, outputs: Sequence[Column], rules: ClassRules) -> None:
        asked, own = _parted(outputs)
        names = _probabilities(classes) + ([PROBABILITY] if classes == _TWO else [])
        for output in asked:
            rules.check_probability(output, names)
        for output in own:
            rules.check_class(output, classes)
        if len(own) > 1:
            raise SignatureMismatch(
                f"the model gives one class, and the outputs {own[0].name} and {own[1].name} would both hold it:"
                f" leave one, and call a probability {PROBABILITY}_<class>, from {PROBABILITY}_0 on"
            )
        self._classes = Classes(None, outputs)

    def outputs_of(self, raw: npt.NDArray[Any], classes: npt.NDArray[Any] | None = None) -> Any:
        """`raw`: shape (rows, classes), or (rows,) for the second of two."""
        return self._classes.outputs_of(raw, classes)


class Labels:
    """Several labels that hold or don't, each an output in the model's order; `probability_<place>` is a label's.

    Raises:
        SignatureMismatch: the outputs are others.
    """

    def __init__(self, labels: int, outputs: Sequence[Column], rules: ClassRules) -> None:
        self._names = [output.name for output in outputs]
        asked, own = _parted(outputs)
        for output in asked:
            rules.check_probability(output, _probabilities(labels))
        for output in own:
            rules.check_class(output, _TWO)
        if len(own) != labels and (own or not outputs):
            raise SignatureMismatch(
                f"the model gives {labels} labels, and the signature has {len(own)} outputs for them: declare {labels},"
                f" in the model's order; {PROBABILITY}_<place> is a label's probability"
            )
        self._places = {output.name: place for place, output in enumerate(own)}

    def outputs_of(self, raw: npt.NDArray[Any], classes: npt.NDArray[Any] | None = None) -> Any:
        """`raw`: shape (rows, labels)."""
        del classes
        return {name: self._output(name, raw) for name in self._names}

    def _output(self, name: str, raw: npt.NDArray[Any]) -> npt.NDArray[Any]:
        if name in self._places:
            return (raw[:, self._places[name]] > _HOLDS).astype(np.int64)
        return raw[:, int(name.removeprefix(f"{PROBABILITY}_"))]


def _asks_for_probability(output: Column) -> bool:
    return output.name == PROBABILITY or output.name.startswith(f"{PROBABILITY}_")


def _parted(outputs: Sequence[Column]) -> tuple[list[Column], list[Column]]:
    """Those that ask for a probability, and the others."""
    asked = [output for output in outputs if _asks_for_probability(output)]
    return asked, [output for output in outputs if output not in asked]


def _probabilities(classes: int) -> list[str]:
    return [f"{PROBABILITY}_{place}" for place in range(classes)]
