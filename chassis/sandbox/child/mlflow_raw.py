"""What lies in a logged MLflow model (an estimator, a booster, a graph), and what MLflow can't hand it rightly."""

from collections.abc import Sequence
from typing import Any

from .binding import ModelUnsupported, SignatureMismatch
from .boosted_estimators import boosted_categories
from .conversion import Column
from .fitted import heads, takes_dictionaries, takes_one_dimension

_TABLE = 2


def raw_in(model: Any) -> Any:
    """None: nothing that MLflow knows, as in a PythonModel."""
    try:
        return model.get_raw_model()
    except (NotImplementedError, AttributeError):
        return None


def estimator_in(model: Any) -> Any:
    """scikit-learn's estimator, or one of its kind; None: there is none."""
    raw = raw_in(model)
    return raw if hasattr(raw, "predict") and hasattr(raw, "fit") and hasattr(raw, "get_params") else None


def names_in(model: Any) -> list[str] | None:
    """The names of its inputs, where a booster or a graph of several inputs says them."""
    raw = raw_in(model)
    if type(raw).__module__.startswith("xgboost."):
        return getattr(raw, "feature_names", None)
    if type(raw).__module__.startswith("lightgbm."):
        booster = raw.booster_ if hasattr(raw, "booster_") else raw
        return [str(name) for name in booster.feature_name()]
    if hasattr(raw, "get_inputs") and len(raw.get_inputs()) > 1:
        return [str(each.name) for each in raw.get_inputs()]
    return None


def count_in(model: Any) -> int | None:
    """How many inputs a booster or a graph of one table has."""
    raw = raw_in(model)
    for method in ("num_features", "num_feature"):
        if hasattr(raw, method):
            return int(getattr(raw, method)())
    if hasattr(raw, "get_inputs") and len(shape := raw.get_inputs()[0].shape) == _TABLE:
        return shape[1] if isinstance(shape[1], int) else None
    return None


def check_raw(model: Any, inputs: Sequence[Column]) -> None:
    """Raises: SignatureMismatch, ModelUnsupported: it would get something else than it was trained with."""
    raw, schema = raw_in(model), model.metadata.get_input_schema()
    kind = type(raw).__module__.split(".")[0]
    if hasattr(raw, "get_inputs"):
        _check_graph(raw, inputs)
    if kind in {"lightgbm", "xgboost"}:
        _check_categories(raw, kind)
    if kind == "lightgbm" and schema is not None and schema.has_input_names() and not schema.is_tensor_spec():
        _check_order(names_in(model) or [], schema.input_names())
    if estimator_in(model) is not None and schema is not None and not schema.is_tensor_spec():
        _check_frame(raw)


def _check_graph(graph: Any, inputs: Sequence[Column]) -> None:
    several = len(graph.get_inputs()) > 1
    if several and any(len(each.shape) != 1 for each in graph.get_inputs()):
        raise ModelUnsupported(
            "MLflow hands a graph of several inputs columns of one dimension, and this one takes tables: register it in"
            " format onnx"
        )
    if any(len(each.shape) == _TABLE and each.shape[1] != 1 for each in graph.get_outputs()):
        raise ModelUnsupported(
            "the graph gives several values a row, which MLflow puts one below the other: register it in format onnx"
        )
    for column in inputs:
        if column.type == "string" and not column.required:
            raise SignatureMismatch(
                f"ONNX has no missing texts, and {column.name} is not required in the signature: declare it required,"
                " so that such rows are rejected"
            )


def _check_categories(raw: Any, kind: str) -> None:
    known = getattr(raw, "pandas_categorical", None) or "c" in (getattr(raw, "feature_types", None) or [])
    if known and boosted_categories(raw) is None:
        raise ModelUnsupported(
            f"the booster was trained with columns of type category: register it in format {kind}, or log the estimator"
        )


def _check_order(own: Sequence[str], names: Sequence[str]) -> None:
    """LightGBM goes by place, and writes underscores for blanks."""
    written = [str(name).replace(" ", "_") for name in names]
    if own and list(own) != written and not own[0].startswith("Column_"):
        raise ModelUnsupported(
            "MLflow's signature has other columns than the booster, or in another order, by which LightGBM goes: log it"
            " with the frame that it was trained with"
        )


def _check_frame(estimator: Any) -> None:
    """MLflow hands on frames, whatever the model was fitted with."""
    for head in heads(estimator):
        if takes_one_dimension(head) or takes_dictionaries(head):
            raise ModelUnsupported(
                f"{type(head).__name__} was fitted with a sequence, and MLflow hands it a frame, of which it would take"
                " the columns' names: log the model without a signature, or register the estimator in format sklearn"
            )
