"""LightGBM models in LightGBM's own text files: data only."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from .. import lightgbm_text
from ..boosted import Answer, ClassRules, OneClass, Values
from ..inputs import NumericInputs
from ..lightgbm_categories import categories_in
from ..lightgbm_text import ModelText
from ..native import PredictionFailed, UnreadableModel, told_as
from . import Inspection, Source

SUFFIXES: Final = (".txt", ".lgb", ".model")
_CLASSIFIERS: Final = frozenset({"binary", "multiclass", "multiclassova"})


def inspect(source: Source) -> Inspection:
    model = _text(source)
    return Inspection(model.objective or "custom", tuple(_booster(model).feature_name()), ("lightgbm",))


def load(source: Source) -> "LightgbmModel":
    return LightgbmModel(_text(source), source)


class LightgbmModel:
    """Gives classes for a classifier, as places: its file doesn't keep the labels."""

    def __init__(self, model: ModelText, source: Source) -> None:
        self._booster = _booster(model)
        names = self._booster.feature_name()
        binding = source.bound(names, len(names), rewritten=_rewritten)
        columns = [source.inputs[position] for position in binding.positions]
        self._inputs = NumericInputs(binding, source.inputs, categories_in(model, columns), dtype="float64")
        width = self._raw(np.full((1, len(names)), np.nan)).shape
        self._answer = _answer(model.objective, width[1:], source)

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        del rows
        return self._answer.outputs_of(self._raw(self._inputs.matrix(columns)))

    def _raw(self, matrix: npt.NDArray[Any]) -> Any:
        with told_as(PredictionFailed("LightGBM gave up on these rows; its own words are in the log")):
            return self._booster.predict(matrix, num_threads=1)


def _answer(objective: str, width: tuple[int, ...], source: Source) -> Answer:
    """`width`: () for one value a row, (k,) for k. Raises: SignatureMismatch."""
    if objective in _CLASSIFIERS:
        return OneClass(width[0] if width else 2, source.outputs, ClassRules())
    return Values(width[0] if width else 1, source.outputs, probability=objective == "cross_entropy")


def _text(source: Source) -> ModelText:
    """Raises: UnreadableModel."""
    return lightgbm_text.read(source.file(*SUFFIXES).read_bytes())


def _booster(model: ModelText) -> Any:
    """Raises: UnreadableModel."""
    import lightgbm

    with told_as(
        UnreadableModel(
            "LightGBM can't read the file: it is damaged, or written by a newer LightGBM than 4.7; write it anew with"
            " booster_.save_model"
        )
    ):
        return lightgbm.Booster(model_str=model.text)


def _rewritten(name: str) -> str:
    """What LightGBM makes of a column's name; others that it can't keep, it refuses in training."""
    return name.partition("\0")[0].replace(" ", "_")
