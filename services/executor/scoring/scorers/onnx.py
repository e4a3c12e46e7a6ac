"""ONNX: data only, scored in the Spark worker with ONNX Runtime on one thread."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pyarrow as pa

from services.executor.scoring.child.conversion import Column
from services.executor.scoring.child.frames import to_matrix
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.local_scorer import LocalScorer
from services.executor.scoring.scorers import ScorerTask

_DTYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(double)": np.float64,
    "tensor(int64)": np.int64,
    "tensor(int32)": np.int32,
    "tensor(bool)": np.bool_,
    "tensor(string)": np.object_,
}


def open_scorer(task: ScorerTask) -> LocalScorer:
    with task.artifacts.checked_out(task.job.model) as path:
        model = OnnxModel(_file(path, task.job.model.entrypoint), task.plan.inputs, task.plan.outputs)
    return LocalScorer(model, task.plan)


class OnnxModel:
    """Feeds one matrix of all columns, or each column to the graph's input of its name (else of its place)."""

    def __init__(self, path: Path, inputs: Sequence[Column], outputs: Sequence[Column]) -> None:
        self._session = _session(path)
        self._graph_inputs = self._session.get_inputs()
        self._names = [column.name for column in inputs]
        if len(self._graph_inputs) not in {1, len(inputs)}:
            raise ScoringError(
                "signature-mismatch",
                f"the graph has {len(self._graph_inputs)} inputs and the signature {len(inputs)}",
            )
        available = [output.name for output in self._session.get_outputs()]
        declared = [column.name for column in outputs]
        self._outputs = declared if declared and set(declared) <= set(available) else available[:1]

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        results: Sequence[Any] = self._session.run(self._outputs, self._feed(columns, rows))
        if len(results) == 1:
            return _plain(results[0])
        return {name: _plain(result) for name, result in zip(self._outputs, results, strict=True)}

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


def _session(path: Path) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    except Exception as error:
        raise ScoringError("artifact-unreadable", f"no ONNX model: {str(error)[:500]}") from error


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


def _file(path: Path, entrypoint: str | None) -> Path:
    if path.is_file():
        return path
    if entrypoint:
        return path / entrypoint
    found = sorted(path.rglob("*.onnx"))
    if len(found) != 1:
        raise ScoringError("artifact-unreadable", f"{len(found)} .onnx files in the artifact: name an entry point")
    return found[0]
