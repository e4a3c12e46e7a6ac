"""scikit-learn estimators and what keeps to their interface, as joblib, pickle or skops files.

Loading a pickle runs code of whoever made it. A skops file names the types it is made of: those of the libraries that
the model environment has are taken, others refused.
"""

import inspect as signatures
from collections.abc import Mapping, Sequence
from typing import Any, Final

import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..estimator_classes import classes_of
from ..estimator_files import is_skops, opened, packages
from ..estimator_inputs import Inputs, Unfit, inputs_of, without_added
from ..fitted import last_step
from ..known_values import known_values
from ..missing_blame import told_of_missing
from . import Inspection, ModelUnsupported, SignatureMismatch, Source

SUFFIXES: Final = (".joblib", ".pkl", ".pickle", ".skops")
_WHY_NO_PREDICT: Final = {
    "clusterer": "it only knows the rows that it was fitted with: fit a classifier to its labels, or use one that"
    " predicts, such as KMeans",
    "transformer": "it only transforms: save the whole pipeline, with the estimator that it ends with",
}


def inspect(source: Source) -> Inspection:
    file = source.file(*SUFFIXES)
    return Inspection("skops") if is_skops(file) else Inspection("pickle", packages=packages(file))


def load(source: Source) -> "SklearnModel":
    return SklearnModel(opened(source.file(*SUFFIXES)), source)


class SklearnModel:
    """Calls `predict`, with what the estimator was fitted with: a frame, a matrix, or a sequence of texts."""

    def __init__(self, estimator: Any, source: Source) -> None:
        _check_predicts(estimator)
        _check_params(estimator, source.params)
        self._estimator, self._params, self._columns = estimator, source.params, source.inputs
        self._inputs: Inputs = inputs_of(estimator, source)
        self._classes = classes_of(estimator, source.outputs)
        self._taken = source.taken

    def known_values(self) -> Mapping[str, Sequence[Any]]:
        """See `output_trial.Knowing`."""
        return known_values(self._estimator, self._taken)

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        return told_of_missing(self._answer, columns, rows, self._columns)

    def _answer(self, columns: Sequence[pa.Array], rows: int) -> Any:
        given, more = self._inputs.rows(columns, rows)
        classes = self._classes
        wanted = classes is not None and classes.wanted
        labels = self._called("predict", given, more) if not wanted or (classes and classes.label_wanted) else None
        if classes is None or not wanted:
            return labels
        return classes.outputs_of(self._called("predict_proba", given, more), labels)

    def unfit(self, columns: Sequence[pa.Array]) -> Unfit:
        """See `fitting.Choosy`."""
        return self._inputs.unfit(columns)

    def _called(self, method: str, given: Any, more: int) -> Any:
        """`more`: rows that were added at the end."""
        result = getattr(self._estimator, method)(given, **(self._params if method == "predict" else {}))
        return without_added(result, len(given) - more, more)


def _check_predicts(estimator: Any) -> None:
    """Raises: ModelUnsupported."""
    if callable(getattr(estimator, "predict", None)):
        return
    name = type(last_step(estimator)).__name__
    if not hasattr(estimator, "fit"):
        raise ModelUnsupported(f"the file holds an object of type {name} and no fitted estimator: save the estimator")
    kind = "clusterer" if hasattr(last_step(estimator), "fit_predict") else "transformer"
    raise ModelUnsupported(f"{name} has no method predict: {_WHY_NO_PREDICT[kind]}")


def _check_params(estimator: Any, params: dict[str, Any]) -> None:
    """Raises: SignatureMismatch."""
    try:
        signatures.signature(estimator.predict).bind(None, **params)
    except TypeError as error:
        raise SignatureMismatch(
            f"predict of {type(estimator).__name__} takes not all of the parameters {', '.join(params)}"
        ) from error
    except ValueError:
        """Not written in Python."""
