"""MLflow models: a logged folder, or an archive of one, scored by its `pyfunc` flavor. Carries code."""

import importlib
import importlib.util
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..archives import unpacked
from ..classes import Classes, TargetClasses, is_probability
from ..estimator_classes import classes_of
from ..estimator_files import of_this_version
from ..estimator_inputs import Unfit, without_added
from ..known_values import known_values
from ..missing_blame import told_of_missing
from ..mlflow_inputs import mlflow_inputs
from ..mlflow_raw import estimator_in
from . import Inspection, ModelUnsupported, SignatureMismatch, Source, inside

_FILE: Final = "MLmodel"
_PYFUNC: Final = "python_function"
_BY_CLASS: Final = frozenset({"predict_proba", "predict_log_proba", "predict_joint_log_proba"})


def inspect(source: Source) -> Inspection:
    from mlflow.models import Model

    logged = Model.load(str(_folder(source)))
    schema = logged.get_input_schema()
    names = tuple(schema.input_names()) if schema is not None and schema.has_input_names() else None
    return Inspection(f"mlflow {logged.mlflow_version}", names, tuple(sorted(logged.flavors or {})))


def load(source: Source) -> "MlflowModel":
    # Its errors would show rows of the data.
    os.environ["MLFLOW_DISABLE_SCHEMA_DETAILS"] = "true"
    folder = _folder(source)
    with of_this_version():
        return MlflowModel(_loaded(folder), source)


class MlflowModel:
    """Its own signature converts and checks the columns once more, as wherever MLflow serves it."""

    def __init__(self, model: Any, source: Source) -> None:
        _check_params(model, source.params)
        self._inputs = mlflow_inputs(model, source)
        self._params = source.params or None
        self._model, self._columns = model, source.inputs
        self._classes = _classes_in(model, source)
        self._taken = source.taken

    def known_values(self) -> Mapping[str, Sequence[Any]]:
        """See `output_trial.Knowing`."""
        estimator = estimator_in(self._model)
        return {} if estimator is None else known_values(estimator, self._taken)

    def unfit(self, columns: Sequence[pa.Array]) -> Unfit:
        """See `fitting.Choosy`."""
        return self._inputs.unfit(columns)

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        return told_of_missing(self._answer, columns, rows, self._columns)

    def _answer(self, columns: Sequence[pa.Array], rows: int) -> Any:
        given, more = self._inputs.rows(columns, rows)
        result = without_added(self._model.predict(given, params=self._params), rows, more)
        return result if self._classes is None else self._classes.outputs_of(result)


def _loaded(folder: Path) -> Any:
    """Raises: ModelUnsupported: a flavor that can't be loaded here."""
    from mlflow import pyfunc
    from mlflow.models import Model

    flavors: dict[str, Any] = Model.load(str(folder)).flavors or {}
    told = ", ".join(sorted(set(flavors) - {_PYFUNC})) or "none"
    if _PYFUNC not in flavors:
        raise ModelUnsupported(
            f"MLflow logged the model without its python_function flavor (flavors: {told}): log it with one, which"
            " takes a method predict, or as a PythonModel"
        )
    try:
        return pyfunc.load_model(str(folder))
    except Exception as error:
        flavor = str(flavors[_PYFUNC].get("loader_module", "")).removeprefix("mlflow.")
        package = _lacking(flavor)
        if package is None:
            raise
        raise ModelUnsupported(
            f"models of MLflow's flavor {flavor} need the package {package}, which the model environment does not have:"
            " log the model in another flavor, such as sklearn, xgboost, lightgbm, onnx or a PythonModel"
        ) from error


def _lacking(flavor: str) -> str | None:
    """The package that a flavor of MLflow's needs, if it isn't here."""
    from mlflow import ml_package_versions

    known: dict[str, Any] = getattr(ml_package_versions, "_ML_PACKAGE_VERSIONS", {})
    if flavor not in known:
        return None
    package = known[flavor]["package_info"]
    found = importlib.util.find_spec(str(package.get("module_name") or package["pip_release"]).replace("-", "_"))
    return None if found else str(package["pip_release"])


def _check_params(model: Any, params: dict[str, Any]) -> None:
    """Raises: SignatureMismatch: MLflow would go on without them, or refuse each batch."""
    from mlflow.exceptions import MlflowException

    utils: Any = importlib.import_module("mlflow.models.utils")
    schema = model.metadata.get_params_schema()
    known = {each.name for each in schema.params} if schema is not None else set[str]()
    unknown = sorted(set(params) - known)
    if unknown:
        raise SignatureMismatch(
            f"MLflow's signature has no parameters {', '.join(unknown)}: leave them out, or log the model with them"
        )
    if schema is None:
        return
    try:
        utils._enforce_params_schema(params or None, schema)  # noqa: SLF001 - what each batch would meet
    except MlflowException as error:
        kinds = ", ".join(f"{each.name}: {each.dtype.name}" for each in schema.params)
        raise SignatureMismatch(f"the parameters are not of the types that MLflow's signature has ({kinds})") from error


def _classes_in(model: Any, source: Source) -> Classes | None:
    """What names the columns that a classifier gives; None: its result is taken as it is.

    Raises:
        SignatureMismatch: the outputs aren't what it gives.
    """
    estimator = estimator_in(model)
    if estimator is None:
        return None
    method = str((model.metadata.flavors or {})[_PYFUNC].get("predict_fn", "predict"))
    asked = [column.name for column in source.outputs if is_probability(column.name)]
    known = getattr(estimator, "classes_", None)
    if method == "predict":
        if asked and known is not None:
            raise SignatureMismatch(
                f"the output {asked[0]} asks for a probability, and MLflow's predict gives the class: log the model"
                " with pyfunc_predict_fn='predict_proba', or leave the output out"
            )
        classes_of(estimator, source.outputs)
        return None
    if method not in _BY_CLASS or not asked:
        return None
    if len(asked) < len(source.outputs):
        raise SignatureMismatch(f"the model gives probabilities alone ({method}): every output has to be one's")
    chosen = classes_of(estimator, source.outputs)
    if isinstance(chosen, TargetClasses) or chosen is None:
        raise SignatureMismatch("the model gives probabilities of several targets: log it with a predict of its own")
    return chosen


def _folder(source: Source) -> Path:
    """Where `MLmodel` lies: at the top, in the entry point, or in the archive's only folder.

    Raises:
        FileNotFoundError: nowhere there.
    """
    root = unpacked(source.path)
    if source.entrypoint:
        named = inside(root, source.entrypoint)
        return named.parent if named.is_file() else named
    found = sorted(root.rglob(_FILE), key=lambda path: len(path.parts))
    if not found:
        raise FileNotFoundError(f"the artifact has no file {_FILE}: is it a folder that MLflow logged?")
    return found[0].parent
