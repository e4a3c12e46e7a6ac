"""LightGBM models in LightGBM's own text files: data only."""

from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..classes import Classes
from ..frames import to_frame, to_matrix
from . import Inspection, Source

CARRIES_CODE: Final = False
SUFFIXES: Final = (".txt", ".lgb", ".model")


def inspect(source: Source) -> Inspection:
    booster = _booster(source)
    return Inspection(_objective(booster), tuple(booster.feature_name()), ("lightgbm",))


def load(source: Source) -> "LightgbmModel":
    return LightgbmModel(_booster(source), source)


class LightgbmModel:
    """Gives classes for a classifier, as places: its file doesn't keep the labels."""

    def __init__(self, booster: Any, source: Source) -> None:
        self._booster = booster
        # LightGBM writes no spaces into its file.
        spaced = {column.name.replace(" ", "_"): column.name for column in source.inputs}
        names = [str(spaced.get(name, name)) for name in booster.feature_name()]
        self._order = source.order_of(names, booster.num_feature())
        self._names = [column.name for column in source.inputs]
        self._classes = Classes(None, source.outputs)
        self._classifies = _objective(booster) in {"binary", "multiclass", "multiclassova"}
        self._categories = bool(booster.pandas_categorical)

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        del rows
        order = range(len(columns)) if self._order is None else self._order
        chosen = [columns[at] for at in order]
        rows_in = self._frame(order, chosen) if self._categories else to_matrix(chosen, "float64", order="C")
        raw = self._booster.predict(rows_in, num_threads=1)
        if not self._classifies:
            return raw
        return self._classes.outputs_of(raw)

    def _frame(self, order: Sequence[int], chosen: Sequence[pa.Array]) -> Any:
        frame = to_frame([self._names[at] for at in order], chosen)
        texts = [self._names[at] for at, column in zip(order, chosen, strict=True) if pa.types.is_string(column.type)]
        return frame.astype(dict.fromkeys(texts, "category"))


def _booster(source: Source) -> Any:
    import lightgbm

    return lightgbm.Booster(model_str=source.file(*SUFFIXES).read_text(encoding="utf-8"))


def _objective(booster: Any) -> str:
    """Its first word: `binary sigmoid:1` is `binary`; empty for one of the user's own."""
    return str(booster.params.get("objective", "")).split(" ")[0]
