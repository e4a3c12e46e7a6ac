"""A trial of a model: whether it gives what its signature's outputs are, in number and by name."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

from .binding import SignatureMismatch
from .conversion import Column
from .made_up_rows import SPREADS, TRIAL_ROWS, typical_rows
from .outputs import PredictionShape, chosen_columns
from .results import Given, given_columns
from .scoring import Model


@runtime_checkable
class Knowing(Protocol):
    """A model that tells values which it was fitted with."""

    def known_values(self) -> Mapping[str, Sequence[Any]]:
        """By the names of the signature's inputs; not of all."""
        ...


def try_outputs(model: Model, inputs: Sequence[Column], outputs: Sequence[Column]) -> None:
    """Have made-up rows predicted. A model that takes none of them is asked nothing: real ones will tell.

    Raises:
        SignatureMismatch: it gives fewer or more columns than there are outputs, or others.
    """
    known = model.known_values() if isinstance(model, Knowing) else {}
    for spread in SPREADS:
        given = _given(model, inputs, spread, known)
        if given:
            try:
                chosen_columns(given, outputs)
            except PredictionShape as error:
                raise SignatureMismatch(f"{error} (it was tried with made-up rows)") from error
            return


def _given(model: Model, inputs: Sequence[Column], spread: int, known: Mapping[str, Sequence[Any]]) -> list[Given]:
    try:
        return given_columns(model.predict(typical_rows(inputs, spread, known), TRIAL_ROWS), TRIAL_ROWS)
    except Exception:  # noqa: BLE001 - whatever it makes of made-up rows
        return []
