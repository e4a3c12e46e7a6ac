"""XGBoost models in XGBoost's own files (JSON, UBJSON): data only."""

import json
from collections.abc import Sequence
from typing import Any, Final

import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..classes import Classes
from ..frames import to_matrix
from . import Inspection, Source

CARRIES_CODE: Final = False
SUFFIXES: Final = (".json", ".ubj")


def inspect(source: Source) -> Inspection:
    booster = _booster(source)
    names: list[str] | None = booster.feature_names
    return Inspection(_objective(booster), None if names is None else tuple(names), ("xgboost",))


def load(source: Source) -> "XgboostModel":
    return XgboostModel(_booster(source), source)


class XgboostModel:
    """Gives what the scikit-learn interface gives: classes for a classifier, up to the best iteration where known."""

    def __init__(self, booster: Any, source: Source) -> None:
        self._booster = booster
        self._order = source.order_of(booster.feature_names, booster.num_features())
        self._classes = Classes(None, source.outputs)
        self._classifies = _objective(booster).startswith(("binary:", "multi:"))
        best = booster.attr("best_iteration")
        self._iterations = (0, 0 if best is None else int(best) + 1)

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        del rows
        chosen = columns if self._order is None else [columns[at] for at in self._order]
        # Its own check of names wants a frame; ours is done.
        raw = self._booster.inplace_predict(
            to_matrix(chosen, "float32", order="C"), iteration_range=self._iterations, validate_features=False
        )
        if not self._classifies:
            return raw
        return self._classes.outputs_of(raw)


def _booster(source: Source) -> Any:
    import xgboost

    booster = xgboost.Booster()
    booster.load_model(bytearray(source.file(*SUFFIXES).read_bytes()))
    booster.set_param({"nthread": 1})
    return booster


def _objective(booster: Any) -> str:
    return str(json.loads(booster.save_config())["learner"]["objective"]["name"])
