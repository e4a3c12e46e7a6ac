"""ONNX: data only, scored with ONNX Runtime on one thread."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..classes import Classes
from ..frames import to_matrix
from . import Inspection, SignatureMismatch, Source

CARRIES_CODE: Final = False
SUFFIXES: Final = (".onnx",)
_DTYPES: Final[dict[str, type[np.generic]]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


def inspect(source: Source) -> Inspection:
    session = _session(source.file(*SUFFIXES))
    names = tuple(each.name for each in session.get_inputs())
    return Inspection(f"graph of {session.get_modelmeta().producer_name or 'an unknown maker'}", names)


def load(source: Source) -> "OnnxModel":
    return OnnxModel(_session(source.file(*SUFFIXES)), source)


class OnnxModel:
    """Feeds one matrix of all columns, or each column to the graph's input of its name (else of its place)."""

    def __init__(self, session: Any, source: Source) -> None:
        self._session = session
        self._graph_inputs = session.get_inputs()
        self._names = [column.name for column in source.inputs]
        if len(self._graph_inputs) != 1:
            source.order_of(None, len(self._graph_inputs))
        elif len(shape := self._graph_inputs[0].shape) > 1 and isinstance(shape[1], int):
            source.order_of(None, shape[1])
        available = [output.name for output in session.get_outputs()]
        declared = [column.name for column in source.outputs]
        self._classes = Classes(None, source.outputs)
        if declared and set(declared) <= set(available):
            self._outputs, self._classifies = declared, False
        else:
            self._classifies = self._classes.wanted
            self._outputs = available[: 2 if self._classifies else 1]
        if self._classifies and len(self._outputs) != 2:  # noqa: PLR2004
            raise SignatureMismatch(f"the graph gives {', '.join(available)} and no probabilities")
        self._declared = source.outputs

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        results: Sequence[Any] = self._session.run(self._outputs, self._feed(columns, rows))
        if self._classifies:
            return self._classified(results[0], results[1])
        if len(results) == 1:
            return _plain(results[0])
        return {name: _plain(result) for name, result in zip(self._outputs, results, strict=True)}

    def _classified(self, labels: Any, probabilities: Any) -> Any:
        """A graph names its classes only where it gives a dictionary a row (ZipMap)."""
        named = isinstance(probabilities, list) and probabilities and isinstance(probabilities[0], dict)
        known = list(probabilities[0]) if named else None
        return Classes(known, self._declared).outputs_of(_plain(probabilities), labels)

    def _feed(self, columns: Sequence[pa.Array], rows: int) -> dict[str, npt.NDArray[Any]]:
        if len(self._graph_inputs) == 1:
            graph_input = self._graph_inputs[0]
            return {graph_input.name: _matrix(columns, graph_input.type)}
        by_name = dict(zip(self._names, columns, strict=True))
        feed: dict[str, npt.NDArray[Any]] = {}
        for position, graph_input in enumerate(self._graph_inputs):
            column = by_name.get(graph_input.name, columns[position])
            shape = (rows, 1) if len(graph_input.shape) > 1 else (rows,)
            feed[graph_input.name] = _matrix([column], graph_input.type).reshape(shape)
        return feed


def _session(path: Path) -> Any:
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _matrix(columns: Sequence[pa.Array], kind: str) -> npt.NDArray[Any]:
    try:
        return to_matrix(columns, _DTYPES[kind], order="C")
    except KeyError as error:
        raise TypeError(f"inputs of type {kind} are not supported") from error


def _plain(result: Any) -> Any:
    """Classifiers converted with ZipMap give a dictionary a row: its values, in the classes' order."""
    if isinstance(result, list) and result and isinstance(result[0], dict):
        return np.array([list(row.values()) for row in result])
    return result
