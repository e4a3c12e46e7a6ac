"""scikit-learn estimators and what keeps to their interface, as joblib, pickle or skops files.

Loading a pickle runs code of whoever made it. A skops file names the types it is made of: those of the libraries that
the model environment has are taken, others refused.
"""

import pickletools
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..classes import Classes
from ..frames import to_frame, to_matrix
from . import Inspection, Source

CARRIES_CODE: Final = True
SUFFIXES: Final = (".joblib", ".pkl", ".pickle", ".skops")
_TRUSTED: Final = ("sklearn.", "numpy.", "scipy.", "xgboost.", "lightgbm.")
_NUMBERS: Final = frozenset({"integer", "long", "float", "double"})


def inspect(source: Source) -> Inspection:
    file = source.file(*SUFFIXES)
    if zipfile.is_zipfile(file):
        return Inspection("skops")
    return Inspection("pickle", packages=_packages(file))


def load(source: Source) -> "SklearnModel":
    file = source.file(*SUFFIXES)
    if zipfile.is_zipfile(file):
        return SklearnModel(_load_skops(file), source)
    import joblib

    return SklearnModel(joblib.load(file), source)


class SklearnModel:
    """Calls `predict`, with a frame, or with a matrix if the estimator was fitted without names."""

    def __init__(self, estimator: Any, source: Source) -> None:
        if not hasattr(estimator, "predict"):
            raise TypeError(f"{type(estimator).__name__} has no method predict")
        names = getattr(estimator, "feature_names_in_", None)
        count = getattr(estimator, "n_features_in_", None)
        self._order = source.order_of(None if names is None else list(names), count)
        self._names = [column.name for column in source.inputs]
        self._params = source.params
        self._estimator = estimator
        self._classes = Classes(getattr(estimator, "classes_", None), source.outputs)
        numeric = all(column.type in _NUMBERS for column in source.inputs)
        self._as_matrix = numeric and count is not None and names is None and bool(source.inputs)
        self._dtype = "float32" if all(column.type == "float" for column in source.inputs) else "float64"

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        del rows
        rows_in = self._rows(columns)
        if not self._classes.wanted:
            return self._estimator.predict(rows_in, **self._params)
        labels = self._estimator.predict(rows_in, **self._params) if self._classes.label_wanted else None
        return self._classes.outputs_of(self._estimator.predict_proba(rows_in), labels)

    def _rows(self, columns: Sequence[pa.Array]) -> Any:
        if self._as_matrix:
            return to_matrix(columns, self._dtype)
        order = range(len(columns)) if self._order is None else self._order
        return to_frame([self._names[at] for at in order], [columns[at] for at in order])


def _load_skops(file: Path) -> Any:
    import skops.io

    unknown: list[str] = skops.io.get_untrusted_types(file=file)
    foreign = [name for name in unknown if not name.startswith(_TRUSTED)]
    if foreign:
        raise TypeError(f"the skops file holds types that are not trusted here: {', '.join(foreign[:5])}")
    return skops.io.load(file, trusted=unknown)


def _packages(file: Path) -> tuple[str, ...]:
    """Top-level packages that a pickle names, as far as it can be read (joblib puts arrays in between)."""
    found, texts = set[str](), list[str]()
    try:
        with file.open("rb") as stream:
            for code, argument, _ in pickletools.genops(stream):
                if code.name == "GLOBAL":
                    found.add(str(argument).split(".")[0])
                elif code.name == "STACK_GLOBAL" and len(texts) > 1:
                    found.add(texts[-2].split(".")[0])
                elif "UNICODE" in code.name:
                    texts.append(str(argument))
    except ValueError:
        """The rest is no plain pickle."""
    return tuple(sorted(name for name in found if name.isidentifier()))
