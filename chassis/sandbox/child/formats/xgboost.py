"""XGBoost models in XGBoost's own files (JSON, UBJSON): data only.

A model that its scikit-learn interface saved says what it is (classifier, regressor or ranker); of another the
objective says it. What the file doesn't tell, and would change the numbers, is refused.
"""

import json
import re
from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..binding import Binding
from ..boosted import Answer, ClassRules, Labels, OneClass, Values
from ..categories import Categories, categories_of
from ..inputs import NumericInputs
from ..native import PredictionFailed, UnreadableModel, told_as
from ..xgboost_trees import check_model
from . import Inspection, ModelUnsupported, Source

SUFFIXES: Final = (".json", ".ubj")
_KEEPS_CATEGORIES: Final = (3, 1)
_WRITES_UTF8: Final = (3, 4)
"""Before, a pandas frame's categories are cut by letters and written as bytes, so that those beyond ASCII are lost."""
_VERSION: Final = (
    re.compile(rb'"version"\s*:\s*\[\s*(\d+)\s*,\s*(\d+)'),
    re.compile(rb"version\[#L\0{7}\x03i(.)i(.)", re.DOTALL),
)
_END_BYTES: Final = 256
_INTERFACES: Final = ("classifier", "regressor", "ranker")


def inspect(source: Source) -> Inspection:
    booster = _File(source).booster
    names: list[str] | None = booster.feature_names
    return Inspection(_config(booster)["objective"]["name"], None if names is None else tuple(names), ("xgboost",))


def load(source: Source) -> "XgboostModel":
    return XgboostModel(_File(source), source)


class XgboostModel:
    """Gives what the scikit-learn interface gives, up to the best iteration where the file knows it."""

    def __init__(self, file: "_File", source: Source) -> None:
        self._booster = file.booster
        config = _config(file.booster)
        objective, kind = config["objective"]["name"], config["gradient_booster"]["name"]
        interface = _interface(file.booster)
        # Linear models know no `inplace_predict`, and dart's rounds more: only its estimators use that.
        self._in_place = kind == "gbtree" or (kind == "dart" and interface is not None)
        self._iterations = (0, 0) if kind == "gblinear" else _iterations(file.booster, interface)
        binding = source.bound(file.booster.feature_names, file.booster.num_features())
        if len(binding.positions) != file.booster.num_features():
            raise UnreadableModel("the file names another number of inputs than its trees have: train the model anew")
        self._inputs = NumericInputs(binding, source.inputs, file.categories(binding, source), dtype="float32")
        # The library's own classes hide the probabilities, and are the most probable one's.
        self._margins = objective == "multi:softmax" and interface in (None, "classifier")
        width = self._raw(np.full((1, file.booster.num_features()), np.nan, np.float32)).shape
        self._answer = _answer(objective, interface, width[1:], source)

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        del rows
        raw = self._raw(self._inputs.matrix(columns))
        if self._margins:
            return self._answer.outputs_of(_softmax(raw), raw.argmax(axis=1))
        return self._answer.outputs_of(raw)

    def _raw(self, matrix: npt.NDArray[Any]) -> Any:
        with told_as(PredictionFailed("XGBoost gave up on these rows; its own words are in the log")):
            return self._raw_in_place(matrix) if self._in_place else self._raw_of_rows(matrix)

    def _raw_in_place(self, matrix: npt.NDArray[Any]) -> Any:
        # Its own check of names wants a frame; ours is done.
        return self._booster.inplace_predict(
            matrix,
            iteration_range=self._iterations,
            predict_type="margin" if self._margins else "value",
            validate_features=False,
        )

    def _raw_of_rows(self, matrix: npt.NDArray[Any]) -> Any:
        import xgboost

        return self._booster.predict(
            xgboost.DMatrix(matrix, nthread=1),
            iteration_range=self._iterations,
            output_margin=self._margins,
            validate_features=False,
        )


class _File:
    """Raises: UnreadableModel."""

    def __init__(self, source: Source) -> None:
        import xgboost

        raw = source.file(*SUFFIXES).read_bytes()
        # On an empty file the library ends the process.
        if not raw.startswith(b"{"):
            raise UnreadableModel(
                "the file is no model in XGBoost's JSON or UBJSON: a dump, a pickle and the old binary format can't be"
                " read; load the model where it was trained and write it with save_model('model.json')"
            )
        self.booster: Any = xgboost.Booster({"nthread": 1})
        with told_as(
            UnreadableModel(
                "XGBoost can't read the file: it is damaged, cut off, or no model; write it anew with"
                " save_model('model.json')"
            )
        ):
            check_model(raw)
            self.booster.load_model(bytearray(raw))
        self._version = _version(raw)

    def categories(self, binding: Binding, source: Source) -> dict[int, Categories]:
        """Of each categorical input, by its place in the model; none for one that was trained with numbers.

        Raises:
            ModelUnsupported: the file lacks them, or holds them damaged.
            SignatureMismatch: the signature's type can't hold them.
        """
        types = self.booster.feature_types or []
        if "c" not in types:
            return {}
        known: dict[int, Categories] = {}
        columns = [source.inputs[position] for position in binding.positions]
        with told_as(UnreadableModel("the categories in the file are damaged: train the model anew")):
            arrays = [array for _, array in self.booster.get_categories(export_to_arrow=True).to_arrow()]
        for place, (column, kind, array) in enumerate(zip(columns, types, arrays, strict=True)):
            if array is not None:
                known[place] = categories_of(column, self._listed(array, column.name), refuse_unseen=True)
            elif kind == "c" and self._version < _KEEPS_CATEGORIES:
                raise ModelUnsupported(
                    f"{column.name} is categorical, and XGBoost before 3.1 wrote no categories into its file, so that"
                    " a number may be a category or its place: train the model anew with XGBoost 3.1 or 3.2"
                )
        return known

    def _listed(self, array: Any, name: str) -> list[Any]:
        """Letters beyond ASCII may be right (from Arrow) or cut (from pandas): the file doesn't tell."""
        try:
            array.validate(full=True)
            values: list[Any] = array.to_pylist()
        except ValueError:
            values = ["\ufffd"]
        if self._version < _WRITES_UTF8 and any(isinstance(value, str) and not value.isascii() for value in values):
            raise ModelUnsupported(
                f"the categories of {name} have letters beyond ASCII, which XGBoost before 3.4 writes damaged:"
                " replace them, or number the categories, and train the model anew"
            )
        return values


def _answer(objective: str, interface: str | None, width: tuple[int, ...], source: Source) -> Answer:
    """`width`: () for one value a row, (k,) for k. Raises: SignatureMismatch."""
    count = width[0] if width else 1
    classifies = interface == "classifier" or (
        interface is None and (objective.startswith("multi:") or objective in {"binary:logistic", "binary:hinge"})
    )
    if not classifies:
        return Values(count, source.outputs, probability=objective in {"reg:logistic", "binary:logistic"})
    rules = ClassRules(certain=interface == "classifier", probabilities=objective != "binary:logitraw")
    if width and not objective.startswith("multi:"):
        return Labels(count, source.outputs, rules)
    return OneClass(count if width else 2, source.outputs, rules)


def _iterations(booster: Any, interface: str | None) -> tuple[int, int]:
    """Of which the trees count; (0, 0): of all.

    Raises:
        ModelUnsupported: the file doesn't tell.
    """
    best, rounds = _attribute(booster, "best_iteration"), booster.num_boosted_rounds()
    if best is None or best == str(rounds - 1):
        return 0, 0
    if not best.isdecimal() or int(best) >= rounds:
        raise ModelUnsupported(
            f"the file's best_iteration is none of its {rounds} rounds: train the model anew, or remove it by"
            " set_attr(best_iteration=None)"
        )
    if interface is None:
        raise ModelUnsupported(
            f"training stopped early, and the file doesn't tell whether all its {rounds} rounds count or the best"
            f" {int(best) + 1}: save the estimator by its own save_model, or a Booster as"
            " booster[: booster.best_iteration + 1]"
        )
    return 0, int(best) + 1


def _interface(booster: Any) -> str | None:
    """What the scikit-learn interface says that it is; None: the file is not from it."""
    try:
        kind = json.loads(_attribute(booster, "scikit_learn") or "")["_estimator_type"]
    except (ValueError, TypeError, KeyError):
        return None
    return kind if kind in _INTERFACES else None


def _attribute(booster: Any, name: str) -> str | None:
    try:
        found: str | None = booster.attr(name)
    except AssertionError:
        # So the library takes an empty one.
        return ""
    return found


def _config(booster: Any) -> Any:
    return json.loads(booster.save_config())["learner"]


def _version(raw: bytes) -> tuple[int, int]:
    """Of the XGBoost that wrote the file; (0, 0): it doesn't say where that one says it."""
    for end in (raw[-_END_BYTES:], raw[:_END_BYTES]):
        if found := _VERSION[0].search(end):
            return int(found[1]), int(found[2])
        if found := _VERSION[1].search(end):
            return found[1][0], found[2][0]
    return 0, 0


def _softmax(margins: npt.NDArray[Any]) -> npt.NDArray[Any]:
    raised = np.exp(margins - margins.max(axis=1, keepdims=True))
    return raised / raised.sum(axis=1, keepdims=True)
