"""Small ONNX graphs, made on the spot, and what ONNX Runtime gives for them when it is called directly."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

OPSET, IR = 21, 10

Shape = Sequence[int | str | None] | None


def value(name: str, kind: str = "float", shape: Shape = ("N", 1)) -> onnx.ValueInfoProto:
    """A tensor of an element type by ONNX's name; a shape of None isn't said at all."""
    number = TensorProto.DataType.Value(kind.upper())
    return helper.make_tensor_value_info(name, number, None if shape is None else list(shape))


def node(operator: str, inputs: str, outputs: str, *, domain: str = "", **attributes: Any) -> onnx.NodeProto:
    """Names of inputs and outputs with blanks between them."""
    return helper.make_node(operator, inputs.split(), outputs.split(), domain=domain, **attributes)


def constant(name: str, values: Any) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(values), name)


def model(
    nodes: Sequence[onnx.NodeProto],
    inputs: Sequence[onnx.ValueInfoProto],
    outputs: Sequence[onnx.ValueInfoProto],
    constants: Sequence[onnx.TensorProto] = (),
    *,
    opsets: Mapping[str, int] | None = None,
    ir: int = IR,
    **fields: Any,
) -> onnx.ModelProto:
    graph = helper.make_graph(list(nodes), "graph", list(inputs), list(outputs), list(constants))
    domains = {"": OPSET, "ai.onnx.ml": 3} | dict(opsets or {})
    imports = [helper.make_opsetid(domain, version) for domain, version in domains.items()]
    return helper.make_model(graph, opset_imports=imports, ir_version=ir, **fields)


def passing(kind: str, shape: Shape = ("N", 1), *, given: Shape = ("N", 1)) -> onnx.ModelProto:
    """A graph that gives back what it is given."""
    return model([node("Identity", "X", "y")], [value("X", kind, shape)], [value("y", kind, given)])


def adding(names: Sequence[str], *, kind: str = "float", shape: Shape = ("N", 1)) -> onnx.ModelProto:
    """A graph that gives x + 10 y + 100 z …, of an input each: it shows which column went where."""
    weights = [constant(f"w{place}", np.array(10**place, np.float32)) for place in range(len(names))]
    nodes = [node("Mul", f"{name} w{place}", f"m{place}") for place, name in enumerate(names)]
    total = node("Sum", " ".join(f"m{place}" for place in range(len(names))), "y")
    return model([*nodes, total], [value(name, kind, shape) for name in names], [value("y", kind, shape)], weights)


def weighing(
    columns: int, *, shape: Shape = None, name: str = "X", given: Shape = ("N", 1), kind: str = "float"
) -> onnx.ModelProto:
    """A graph of one matrix that gives x + 10 y + 100 z …."""
    dtype = helper.tensor_dtype_to_np_dtype(TensorProto.DataType.Value(kind.upper()))
    weights = constant("w", np.array([[10**place] for place in range(columns)], dtype))
    inputs = [value(name, kind, ("N", columns) if shape is None else shape)]
    return model([node("MatMul", f"{name} w", "y")], inputs, [value("y", kind, given)], [weights])


def saved(folder: Path, made: onnx.ModelProto) -> Path:
    path = folder / "model.onnx"
    path.write_bytes(made.SerializeToString())
    return path


def direct(made: onnx.ModelProto | Path, feed: Mapping[str, Any]) -> dict[str, Any]:
    """What the library gives by itself, with its own defaults."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    raw = made if isinstance(made, Path) else made.SerializeToString()
    session = onnxruntime.InferenceSession(raw, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, dict(feed)), strict=True))
