"""A scikit-learn estimator (joblib, pickle). Loading it runs code of whoever made it: in the sandbox only."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..conversion import Column
from ..frames import to_frame, to_matrix

SUFFIXES = (".joblib", ".pkl", ".pickle")


class SklearnModel:
    """Calls `predict`, with a frame, or with a matrix if the estimator was fitted without names."""

    def __init__(self, path: Path, entrypoint: str | None, inputs: Sequence[Column], params: dict[str, Any]) -> None:
        import joblib

        self._estimator: Any = joblib.load(_file(path, entrypoint))
        self._names = [column.name for column in inputs]
        self._params = params
        numeric = all(column.type in {"integer", "long", "float", "double"} for column in inputs)
        nameless = hasattr(self._estimator, "n_features_in_") and not hasattr(self._estimator, "feature_names_in_")
        self._as_matrix = numeric and nameless and bool(inputs)
        self._dtype = "float32" if inputs and all(column.type == "float" for column in inputs) else "float64"
        if not hasattr(self._estimator, "predict"):
            raise TypeError(f"{type(self._estimator).__name__} has no method predict")

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        del rows
        rows_in = to_matrix(columns, self._dtype) if self._as_matrix else to_frame(self._names, columns)
        return self._estimator.predict(rows_in, **self._params)


def load(path: Path, entrypoint: str | None, inputs: Sequence[Column], params: dict[str, Any]) -> SklearnModel:
    return SklearnModel(path, entrypoint, inputs, params)


def _file(path: Path, entrypoint: str | None) -> Path:
    """The artifact itself, or in a directory its entry point or only model file."""
    if path.is_file():
        return path
    if entrypoint:
        return path / entrypoint
    found = sorted(item for item in path.rglob("*") if item.suffix in SUFFIXES)
    if len(found) != 1:
        raise FileNotFoundError(f"{len(found)} files of the artifact end in {', '.join(SUFFIXES)}: name an entry point")
    return found[0]
