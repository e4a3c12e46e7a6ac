"""What an ONNX file says about itself, read without running it: its inputs, outputs, and what no one may run."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from .binding import ModelUnsupported
from .onnx_classes import classes_of
from .onnx_external import check_external

_STANDARD: Final = frozenset({"", "ai.onnx", "ai.onnx.ml"})
_KNOWN: Final = _STANDARD | {"com.microsoft"}
_RANDOM: Final = frozenset(
    {"RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike", "Multinomial", "Bernoulli"}
)
_REPLACEABLE_SINCE: Final = 4
_SHOWN: Final = 80


class NotOnnx(Exception):
    """The file is no ONNX model."""


@dataclass(frozen=True)
class GraphInput:
    """An input that has to be fed.

    `kind` is its element type by ONNX's name, or what it is where it's no tensor: `sequence`, `map`, `optional`, …
    `shape` has None for what a graph leaves open, and is None where it says nothing.
    """

    name: str
    kind: str
    shape: tuple[int | None, ...] | None


@dataclass(frozen=True)
class Graph:
    """A graph as its file describes it.

    `fixed` are inputs that have a value in the file, which who runs the graph may replace.
    `classes` are those of the first output, where it's a class and the graph says which there are, in the order of
    their probabilities.
    """

    maker: str
    inputs: tuple[GraphInput, ...]
    fixed: frozenset[str]
    outputs: tuple[str, ...]
    classes: tuple[str | int, ...] | None


def read_graph(path: Path, *, folder: Path | None) -> Graph:
    """Read a file.

    Args:
        path: the model.
        folder: the artifact, where it's a folder: its tensors may lie in other files of it.

    Raises:
        NotOnnx: it's no ONNX model.
        ModelUnsupported: it needs operators that aren't there, reads files from outside the artifact, or draws lots.
    """
    model = _parsed(path)
    if model.training_info:
        raise ModelUnsupported("the graph holds training information: export it for inference")
    _check_nodes(model)
    check_external(_tensors(model), path.parent, folder)
    graph = model.graph
    fixed = {each.name for each in graph.initializer} | {each.values.name for each in graph.sparse_initializer}
    # Before, every initializer is among the inputs, and none can be replaced.
    replaceable = fixed if model.ir_version >= _REPLACEABLE_SINCE else set[str]()
    return Graph(
        maker=shown(model.producer_name),
        inputs=tuple(_input(each) for each in graph.input if each.name not in fixed),
        fixed=frozenset(each.name for each in graph.input if each.name in replaceable),
        outputs=tuple(each.name for each in graph.output),
        classes=classes_of(graph),
    )


def shown(name: str) -> str:
    """A name out of a file, fit for a message of one line."""
    short = name if len(name) <= _SHOWN else f"{name[:_SHOWN]}…"
    return "".join(each if each.isprintable() else "?" for each in short)


def _parsed(path: Path) -> Any:
    import onnx
    from google.protobuf.message import DecodeError

    model = onnx.ModelProto()
    try:
        model.ParseFromString(path.read_bytes())
    except DecodeError as error:
        raise NotOnnx("the file is no ONNX model: it can't be parsed") from error
    if not model.ir_version or not (model.graph.node or model.graph.output):
        raise NotOnnx("the file is no ONNX model: it lacks its version or its graph")
    return model


def _input(value: Any) -> GraphInput:
    import onnx

    which = value.type.WhichOneof("value")
    if which != "tensor_type":
        return GraphInput(value.name, str(which or "untyped").removesuffix("_type"), None)
    number, shape = value.type.tensor_type.elem_type, value.type.tensor_type.shape
    known = number in onnx.TensorProto.DataType.values()
    kind = onnx.TensorProto.DataType.Name(number).lower() if known else f"type {number}"
    dims = tuple(dim.dim_value if dim.WhichOneof("value") == "dim_value" else None for dim in shape.dim)
    # Some exporters write -1 for what is open.
    dims = tuple(None if dim is not None and dim < 0 else dim for dim in dims)
    return GraphInput(value.name, kind, dims if value.type.tensor_type.HasField("shape") else None)


def _check_nodes(model: Any) -> None:
    functions = {(function.domain, function.name) for function in model.functions}
    for domain, name in sorted(functions):
        if domain in _KNOWN:
            raise ModelUnsupported(
                f"the graph redefines the operator {shown(name)} by a function of its own: rename that function"
            )
    for node in _nodes(model):
        if node.domain not in _KNOWN and (node.domain, node.op_type) not in functions:
            raise ModelUnsupported(
                f"the graph needs the operator {shown(node.op_type)} of {shown(node.domain)}, which ONNX Runtime does"
                " not have: convert the model with standard operators only"
            )
        if node.op_type in _RANDOM and node.domain in _STANDARD:
            raise ModelUnsupported(
                f"the graph draws random numbers ({shown(node.op_type)}), so that nobody can say what is right: export"
                " the model without this node"
            )


def _nodes(model: Any) -> Iterator[Any]:
    """All nodes, also those of functions and of graphs inside of nodes."""
    waiting: list[Sequence[Any]] = [model.graph.node, *(function.node for function in model.functions)]
    while waiting:
        for node in waiting.pop():
            yield node
            for attribute in node.attribute:
                waiting.extend(graph.node for graph in _graphs(attribute))


def _tensors(model: Any) -> Iterator[Any]:
    """All tensors with values, wherever they are."""
    graphs = [model.graph]
    for node in _nodes(model):
        for attribute in node.attribute:
            graphs.extend(_graphs(attribute))
            yield from (attribute.t, *attribute.tensors)
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
    for graph in graphs:
        yield from graph.initializer
        for sparse in graph.sparse_initializer:
            yield from (sparse.values, sparse.indices)


def _graphs(attribute: Any) -> list[Any]:
    return [*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs]
