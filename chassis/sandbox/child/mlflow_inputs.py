"""What an MLflow model's `pyfunc` takes, by the signature that it was logged with, or by what it is without one."""

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .binding import ModelUnsupported, SignatureMismatch
from .conversion import Column
from .estimator_columns import looks_for
from .estimator_inputs import Chosen, Frame, Inputs, Unfit, inputs_of
from .fitted import feature_count, used_names
from .formats import Source
from .frames import Look, looks_of, to_frame
from .mlflow_raw import check_raw, count_in, estimator_in, names_in

_SINGLES: Final = frozenset({"boolean", "integer", "long", "float", "double", "string", "binary", "datetime"})
_TAKEN_AS: Final = {
    ("integer", "long"),
    ("integer", "double"),
    ("float", "double"),
}
"""Our type, and MLflow's that takes it, too. It refuses a long as double, unless all are 0 or 1."""
_MATRIX: Final = 2


def mlflow_inputs(model: Any, source: Source) -> Inputs:
    """Raises: SignatureMismatch, ModelUnsupported."""
    schema = model.metadata.get_input_schema()
    estimator = estimator_in(model)
    check_raw(model, source.inputs)
    if schema is None:
        return inputs_of(estimator, source) if estimator is not None else _unsigned(model, source)
    if schema.is_tensor_spec():
        return _tensors(schema, source)
    _check_columns(schema)
    return _by_name(schema, estimator, source) if schema.has_input_names() else _by_place(schema, estimator, source)


def _unsigned(model: Any, source: Source) -> Inputs:
    """Of a model that tells nothing of its columns, or of a booster, which tells their names."""
    names = names_in(model)
    binding = source.bound(names, count_in(model) if names is None else len(names))
    columns = [source.inputs[position] for position in binding.positions]
    looks = looks_of(columns, text=source.text)
    return Frame(Chosen(binding.positions, columns, names or [column.name for column in columns], looks))


def _by_name(schema: Any, estimator: Any, source: Source) -> Inputs:
    ours = {column.name for column in source.inputs}
    specs = {spec.name: spec for spec in schema.inputs if spec.required or spec.name in ours}
    binding = source.bound(list(specs), None)
    columns = [source.inputs[position] for position in binding.positions]
    for column, spec in zip(columns, specs.values(), strict=True):
        _check_type(column, spec.type.name)
    return Frame(Chosen(binding.positions, columns, list(specs), _looks(estimator, columns, source)))


def _by_place(schema: Any, estimator: Any, source: Source) -> Inputs:
    binding = source.bound(None, len(schema.inputs))
    for column, spec in zip(source.inputs, schema.inputs, strict=True):
        _check_type(column, spec.type.name)
    names = [column.name for column in source.inputs]
    return Frame(Chosen(binding.positions, source.inputs, names, _looks(estimator, source.inputs, source)))


def _looks(estimator: Any, columns: Sequence[Column], source: Source) -> list[Look]:
    """As the estimator in it was fitted, where that shows."""
    usual = looks_of(columns, text=source.text)
    if estimator is None:
        return usual
    names = used_names(estimator)
    ordered = {column.name: column for column in columns}
    if names is None or not set(names) <= set(ordered):
        if feature_count(estimator) != len(columns):
            return usual
        names = list(ordered)
    known = dict(zip(names, looks_for(estimator, [ordered[name] for name in names], text=source.text), strict=True))
    if any(look.categories is not None for look in known.values()):
        raise ModelUnsupported(
            "the model was fitted with columns of type category, which MLflow's signature has not: log it without a"
            " signature, or register the estimator itself"
        )
    return [known.get(column.name, look) for column, look in zip(columns, usual, strict=True)]


def _tensors(schema: Any, source: Source) -> Inputs:
    if not schema.has_input_names():
        return Matrix(schema.inputs[0], source)
    names = [spec.name for spec in schema.inputs]
    return Tensors(schema.inputs, source.bound(names, None).positions, source)


class Matrix:
    """One tensor without a name: a row of it a row of the columns, by place."""

    def __init__(self, spec: Any, source: Source) -> None:
        self._shape = tuple(spec.shape)
        if len(self._shape) > _MATRIX:
            raise _no_table(spec)
        width = self._shape[1] if len(self._shape) == _MATRIX else 1
        source.bound(None, None if width == -1 else width)
        for column in source.inputs:
            _check_dtype(column, spec.type)
        self._dtype, self._looks = spec.type, looks_of(source.inputs, text=source.text)

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        values = [_array(column, look, self._dtype) for column, look in zip(columns, self._looks, strict=True)]
        return np.column_stack(values) if len(self._shape) == _MATRIX else values[0].reshape(rows), 0

    def unfit(self, columns: Sequence[pa.Array]) -> Unfit:
        del columns
        return iter(())


class Tensors:
    """A tensor a column, by its name."""

    def __init__(self, specs: Sequence[Any], positions: Sequence[int], source: Source) -> None:
        looks = looks_of(source.inputs, text=source.text)
        self._parts = [(spec, position, looks[position]) for spec, position in zip(specs, positions, strict=True)]
        for spec, position, _ in self._parts:
            if tuple(spec.shape) not in {(-1,), (-1, 1)}:
                raise _no_table(spec)
            _check_dtype(source.inputs[position], spec.type)

    def rows(self, columns: Sequence[pa.Array], rows: int) -> tuple[Any, int]:
        del rows
        return {
            spec.name: _array(columns[position], look, spec.type).reshape(spec.shape)
            for spec, position, look in self._parts
        }, 0

    def unfit(self, columns: Sequence[pa.Array]) -> Unfit:
        del columns
        return iter(())


def _array(column: pa.Array, look: Look, dtype: Any) -> npt.NDArray[Any]:
    return to_frame(["x"], [column], [look])["x"].to_numpy().astype(dtype)


def _no_table(spec: Any) -> ModelUnsupported:
    named = f" {spec.name}" if spec.name else ""
    return ModelUnsupported(
        f"the input{named} is a tensor of shape {tuple(spec.shape)}, which columns can't fill: log a PythonModel that"
        " takes columns and makes the tensor of them"
    )


def _check_dtype(column: Column, dtype: Any) -> None:
    """Raises: SignatureMismatch: a value might be another one in the tensor."""
    frame_kind = "object" if column.type in {"string", "binary"} else column.arrow_type.to_pandas_dtype()
    if not column.required and column.type in {"integer", "long"}:
        frame_kind = "float64"
    if not column.required and column.type == "boolean":
        frame_kind = "object"
    rounds = column.type == "long" and np.dtype(dtype).kind == "f"
    if rounds or not np.can_cast(np.dtype(frame_kind), dtype, "safe"):
        raise SignatureMismatch(
            f"MLflow's signature has a tensor of {dtype}, and {column.name} is {_said(column)} in ours: values would"
            " not be kept; declare another type, or log the model with it"
        )


def _check_columns(schema: Any) -> None:
    """Raises: ModelUnsupported: nested ones."""
    for at, spec in enumerate(schema.inputs):
        if getattr(spec.type, "name", None) not in _SINGLES:
            raise ModelUnsupported(
                f"the input {spec.name or f'#{at + 1}'} of MLflow's signature is of type {type(spec.type).__name__},"
                " and columns hold single values: log the model with an input a value"
            )


def _check_type(column: Column, theirs: str) -> None:
    """Raises: SignatureMismatch: MLflow would refuse the column, or some of its values."""
    whole = column.type in {"integer", "long"}
    if whole and not column.required:
        if theirs != "double":
            raise SignatureMismatch(
                f"{column.name} is {theirs} in MLflow's signature, in which no whole number may be missing, and"
                f" {_said(column)} in ours: declare it required, or log the model with double"
            )
        return
    if column.type != theirs and (column.type, theirs) not in _TAKEN_AS:
        raise SignatureMismatch(
            f"{column.name} is {theirs} in MLflow's signature and {_said(column)} in ours: declare it {theirs}"
        )


def _said(column: Column) -> str:
    return column.type if column.required else f"{column.type} (not required)"
