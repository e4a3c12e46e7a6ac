"""The arrays that a graph takes, made of the signature's columns without changing a value."""

from collections.abc import Iterator, Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .binding import ModelUnsupported, SignatureMismatch
from .conversion import Column
from .onnx_binding import Taken, bind_inputs
from .onnx_graph import Graph, GraphInput, shown
from .onnx_types import DTYPES, beyond, input_misfit, may_not_fit, numbers_of, range_of

MAX_RUN_ROWS: Final = 8_192
"""Rows that a graph is given at once: few enough for what it makes of them, a matrix of distances for one."""
_MAX_FIXED: Final = 65_536
_NO_TENSORS: Final = frozenset({"sequence", "map", "optional", "sparse_tensor", "opaque", "untyped"})


class Feeds:
    """How a graph is fed from the columns of a signature.

    `size` is the number of rows that the graph takes at once, where it's fixed.
    """

    def __init__(self, graph: Graph, columns: Sequence[Column]) -> None:
        """Raises: SignatureMismatch, ModelUnsupported."""
        for each in graph.inputs:
            _check_input(each)
        if not graph.inputs:
            raise ModelUnsupported("the graph takes no inputs: export it with the columns that it is to be fed")
        overridden = [column.name for column in columns if column.name in graph.fixed]
        if overridden:
            raise SignatureMismatch(
                f"{overridden[0]} has a fixed value in the graph: remove the column, or export the graph without that"
                " value"
            )
        _check_row_vector(graph.inputs, len(columns))
        self._columns = tuple(columns)
        self._taken, self.binding = bind_inputs([column.name for column in columns], graph.inputs)
        for taken in self._taken:
            _check_types(taken, columns)
        self.size = _fixed_size(graph.inputs)
        self._narrow = [
            (at, taken.input.kind)
            for taken in self._taken
            for at in taken.columns
            if may_not_fit(columns[at], taken.input.kind)
        ]

    def unfit(self, columns: Sequence[pa.Array]) -> Iterator[tuple[str, npt.NDArray[np.bool_], str]]:
        """Rows that a column holds numbers in which the graph can't: the column, a mask, and why."""
        for at, kind in self._narrow:
            mask = beyond(columns[at], kind)
            if mask is not None:
                yield self._columns[at].name, mask, range_of(kind)

    def make(self, columns: Sequence[pa.Array], rows: int) -> dict[str, npt.NDArray[Any]]:
        """By the names of the graph's inputs, `rows` rows each.

        Raises:
            ValueError: whole numbers are among them that the graph can't hold (see `unfit`).
        """
        for at, kind in self._narrow:
            if DTYPES[kind].kind != "f" and beyond(columns[at], kind) is not None:
                raise ValueError(f"{self._columns[at].name}: {range_of(kind)}")
        return {taken.input.name: _array(taken, columns, rows) for taken in self._taken}


def _check_input(each: GraphInput) -> None:
    what = f"the graph's input {shown(each.name)}"
    if each.kind in _NO_TENSORS:
        raise ModelUnsupported(
            f"{what} is of type {each.kind}, and rows only have columns: export the graph with tensors of shape [N, k]"
        )
    if each.kind not in DTYPES:
        raise ModelUnsupported(
            f"{what} takes {each.kind}, which columns can't be turned into: put a Cast from float or int64 before it"
        )
    shape = each.shape
    if shape is None:
        return
    if len(shape) not in (1, 2):
        raise ModelUnsupported(
            f"{what} has the shape {_written(shape)}, and rows only have columns: export the graph with [N, k], and"
            " reshape inside of it"
        )
    if len(shape) == 2 and (shape[1] == 0 or (shape[1] is None and shape[0] is not None)):  # noqa: PLR2004
        raise ModelUnsupported(
            f"{what} has the shape {_written(shape)}, which leaves open where its rows are: export the graph with"
            " [N, k]"
        )


def _check_row_vector(inputs: Sequence[GraphInput], columns: int) -> None:
    """Of an input [3] nobody knows whether it takes three rows or three columns, unless there is one column."""
    if len(inputs) == 1 and columns > 1 and inputs[0].shape == (columns,):
        raise ModelUnsupported(
            f"the graph's input {shown(inputs[0].name)} takes one row without a dimension for rows: export the graph"
            f" with [N, {columns}]"
        )


def _check_types(taken: Taken, columns: Sequence[Column]) -> None:
    for at in taken.columns:
        declare = input_misfit(columns[at], taken.input.kind)
        if declare:
            may_be = "" if columns[at].required else ", may be missing"
            raise SignatureMismatch(
                f"{columns[at].name} is of type {columns[at].type}{may_be}, and the graph's input"
                f" {shown(taken.input.name)} takes {taken.input.kind}: declare {columns[at].name} {declare}, or convert"
                " the model with another type of input"
            )


def _fixed_size(inputs: Sequence[GraphInput]) -> int | None:
    sizes = {each.shape[0] for each in inputs if each.shape and each.shape[0] is not None}
    if not sizes:
        return None
    size = max(sizes)
    if len(sizes) > 1 or not 0 < size <= _MAX_FIXED:
        told = ", ".join(f"{shown(each.name)} {_written(each.shape)}" for each in inputs[:5] if each.shape)
        raise ModelUnsupported(
            f"the graph's inputs take no common number of rows ({told}): export the graph with an open first dimension"
        )
    return size


def _written(shape: Sequence[int | None]) -> str:
    return f"[{', '.join('N' if dim is None else str(dim) for dim in shape)}]"


def _array(taken: Taken, columns: Sequence[pa.Array], rows: int) -> npt.NDArray[Any]:
    flat = taken.input.shape is not None and len(taken.input.shape) == 1
    matrix = np.empty((rows, len(taken.columns)), DTYPES[taken.input.kind])
    for place, at in enumerate(taken.columns):
        _fill(matrix[:, place], columns[at])
    return matrix[:, 0] if flat else matrix


def _fill(target: npt.NDArray[Any], values: pa.Array) -> None:
    if pa.types.is_string(values.type):
        target[:] = values.to_numpy(zero_copy_only=False)
        return
    with np.errstate(over="ignore"):
        target[:] = numbers_of(values)
    if values.null_count:
        target[values.is_null().to_numpy(zero_copy_only=False)] = np.nan
