"""A table of two columns, and graphs `X` [N, 2] that are scored on it."""

import numpy as np
import pandas as pd
import pyarrow as pa
from onnx import TensorProto, helper

from tests.models.harness import columns, scored
from tests.models.onnx_graphs import constant, model, node, saved, value

RANDOM = np.random.default_rng(5)
FRAME = pd.DataFrame(RANDOM.normal(size=(77, 2)).astype(np.float32), columns=["a", "b"])
DATA = pa.Table.from_pandas(FRAME)
FEED = {"X": FRAME.to_numpy()}
INPUTS = columns(a="float", b="float")


def score(tmp_path, graph, data=DATA, inputs=INPUTS, **outputs):
    return scored(
        "onnx", saved(tmp_path, graph), inputs=inputs, outputs=columns(**outputs), data=data, row_group_size=30
    )


def refusal(tmp_path, graph, data=DATA, inputs=INPUTS, **outputs):
    result = score(tmp_path, graph, data, inputs, **outputs)
    assert result.refused is not None, result.predictions
    return f"{result.refused.code}: {result.refused.message}"


def shaped(*operators, given=None, constants=()):
    """X [N, 2] through some operators, each `y` of which is the next one's `y`."""
    nodes, before = [], "X"
    for number, (operator, more, attributes) in enumerate(operators):
        after = "y" if number == len(operators) - 1 else f"y{number}"
        nodes.append(node(operator, f"{before} {more}", after, **attributes))
        before = after
    return model(nodes, [value("X", shape=["N", 2])], [value("y", shape=given)], constants)


COLUMN = ("MatMul", "w", {})
WEIGHTS = constant("w", np.array([[1], [10]], np.float32))
AXIS = constant("one", np.array([1], np.int64))
FIRST_AXIS = constant("zero", np.array([0], np.int64))


def several(**kinds):
    """Outputs of these names: a column each of X [N, 2]'s first, times its place from 1."""
    nodes, outputs, constants = [node("Gather", "X index", "first", axis=1)], [], [constant("index", np.array([0]))]
    for place, (name, kind) in enumerate(kinds.items(), 1):
        constants.append(constant(f"times {name}".replace(" ", "_"), np.array([[place]], np.float32)))
        nodes.append(helper.make_node("Mul", ["first", f"times_{name}".replace(" ", "_")], [f"{name}_f"]))
        number = TensorProto.DataType.Value(kind.upper())
        nodes.append(helper.make_node("Cast", [f"{name}_f"], [name], to=number))
        outputs.append(value(name, kind))
    return model(nodes, [value("X", shape=["N", 2])], outputs, constants)
