"""ONNX Runtime, on one thread, and what it says when it can't: without its paths, its stack or the rows' values."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy.typing as npt

from .binding import ModelUnsupported

Feed = Mapping[str, npt.NDArray[Any]]
_CODE: Final = re.compile(r"\[ONNXRuntimeError\] : \d+ : ([A-Z_]+)")
_NODE: Final = re.compile(r"while running (\w+) node\. Name:'([^']{0,80})")
_MEMORY: Final = re.compile(r"bad_alloc|[Ff]ailed to allocate memory|bad allocation")
_LARGE: Final = re.compile(r"while running (\w+) node.*exceeds the supported maximum of (\d+) bytes", re.DOTALL)
_NO_OPERATOR: Final = (
    "{runtime} has no operator {0} for this operator set and these types: convert the model with another operator set"
    " (target_opset), or with other types"
)
_REFUSALS: Final = (
    (
        re.compile(r"model IR version: (\d+), max supported IR version: (\d+)"),
        "the graph's IR version is {0} and {runtime} reads versions up to {1}: convert the model with an older one",
    ),
    (
        re.compile(r"[Oo]pset (\d+) is under development"),
        "the graph's operator set {0} is newer than {runtime} knows: convert the model with an older target_opset",
    ),
    (
        re.compile(r"construct locale with name:([\w.-]{1,40})"),
        "the graph changes texts by the locale {0}, which is not there: use skl2onnx's option locale: C.UTF-8",
    ),
    (
        re.compile(r"MLDataType for: ([\w()]{1,80})"),
        "{runtime} has no type {0}: convert the model with tensors of other types",
    ),
    (re.compile(r"No Op registered for (\w{1,80})"), _NO_OPERATOR),
    (re.compile(r"implementation for (\w{1,80})\("), _NO_OPERATOR),
    (re.compile(r"Fatal error: ([\w.:]{1,80})\(-?\d+\) is not a registered"), _NO_OPERATOR),
    (re.compile(r"Op registered for (\w{1,80}) is deprecated"), _NO_OPERATOR),
    (re.compile(r"of operator \((\w{1,80})\) in node"), _NO_OPERATOR),
)
"""What ONNX Runtime says of a graph that it doesn't load, and what is said of it here."""


class GraphFailed(Exception):
    """A graph that loads and ends with an error for some rows."""


@dataclass(frozen=True)
class GraphOutput:
    """`type` as ONNX Runtime writes it: `tensor(float)`; `shape` with texts or None for what is open."""

    type: str
    shape: tuple[int | str | None, ...]

    @property
    def kind(self) -> str:
        """A tensor's element type, else the whole type."""
        return self.type.removeprefix("tensor(").removesuffix(")") if self.type.startswith("tensor(") else self.type

    @property
    def is_dictionaries(self) -> bool:
        """A dictionary a row: of probabilities by class."""
        return self.type.startswith("seq(map(")


class GraphSession:
    """A loaded graph. `outputs` are what ONNX Runtime says of each, by name: its type and its shape."""

    def __init__(self, path: Path) -> None:
        """Raises: ModelUnsupported."""
        import onnxruntime as ort

        options = ort.SessionOptions()
        options.intra_op_num_threads = options.inter_op_num_threads = 1
        # Beyond the basic ones, optimizations exchange nodes for faster ones that round differently.
        options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_ENABLE_BASIC
        options.log_severity_level = 4
        try:
            self._session = ort.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        except Exception as error:  # noqa: BLE001 - its errors have no common class
            raise _refusal(str(error), f"ONNX Runtime {ort.__version__}") from None
        self.outputs = {each.name: GraphOutput(each.type, tuple(each.shape)) for each in self._session.get_outputs()}

    def run(self, names: Sequence[str], feed: Feed) -> dict[str, Any]:
        """The outputs of these names. Raises: GraphFailed, ModelUnsupported, MemoryError."""
        try:
            return dict(zip(names, self._session.run(list(names), dict(feed)), strict=True))
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001 - its errors have no common class
            raise _failure(str(error)) from None


def _refusal(text: str, runtime: str) -> Exception:
    """Of a graph that doesn't load."""
    if _MEMORY.search(text):
        return MemoryError("in ONNX Runtime")
    for pattern, words in _REFUSALS:
        if found := pattern.search(text):
            return ModelUnsupported(words.format(*found.groups(), runtime=runtime))
    code = _CODE.search(text)
    return ModelUnsupported(
        f"{runtime} can't load the graph ({code.group(1) if code else 'no reason'}): try it with"
        " onnxruntime.InferenceSession, and convert the model anew"
    )


def _failure(text: str) -> Exception:
    if _MEMORY.search(text):
        return MemoryError("in ONNX Runtime")
    if large := _LARGE.search(text):
        return ModelUnsupported(
            f"the graph's node {large[1]} makes a tensor beyond ONNX Runtime's limit of {int(large[2]) >> 20} MB:"
            " export the graph without it"
        )
    code, node = _CODE.search(text), _NODE.search(text)
    why = code.group(1) if code else "no reason"
    if node is None:
        return GraphFailed(f"ONNX Runtime can't run the graph on these rows ({why}): try it with one of them")
    return GraphFailed(
        f"the graph's node {node.group(1)} ({node.group(2) or 'without a name'}) doesn't take what these rows hold"
        f" ({why}): leave such rows out, or let the graph check what it is given"
    )
