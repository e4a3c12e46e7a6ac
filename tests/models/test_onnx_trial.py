"""ONNX: graphs whose answer for a row is not that row's alone, or not the same each time."""

import numpy as np
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from tests.models.harness import agree, columns
from tests.models.onnx_graphs import constant, direct, model, node, value
from tests.models.onnx_scoring import COLUMN, FIRST_AXIS, FRAME, RANDOM, WEIGHTS, refusal, score, shaped


def together(*nodes, constants=(), inputs=None, **fields):
    return model(nodes, [value("X", shape=["N", 2])], [value("y", shape=None)], constants, **fields)


ONES = constant("ones", np.ones(2, np.float32))
ZEROS = constant("zeros", np.zeros(2, np.float32))
OF_OTHERS = {
    "less the mean": together(
        node("ReduceMean", "X zero", "m", keepdims=1), node("Sub", "X m", "y"), constants=[FIRST_AXIS]
    ),
    "share of the sum": together(
        node("ReduceSum", "X zero", "m", keepdims=1), node("Div", "X m", "y"), constants=[FIRST_AXIS]
    ),
    "softmax over rows": together(node("Softmax", "X", "y", axis=0)),
    "running sum": together(node("CumSum", "X zero", "y"), constants=[constant("zero", np.array(0))]),
    "sorted": together(
        node("Shape", "X", "s"), node("Gather", "s zero", "n"), node("TopK", "X n", "y i", axis=0),
        constants=[FIRST_AXIS],
    ),
    "normalised in training": together(
        node("BatchNormalization", "X ones zeros zeros ones", "y m v", training_mode=1), constants=[ONES, ZEROS]
    ),
    "rows upside down": together(
        node("Slice", "X last first zero step", "y"),
        constants=[FIRST_AXIS, *(constant(name, np.array([at])) for name, at in
                                 [("last", -1), ("first", -(2**31)), ("step", -1)])],
    ),
    "each row less the one before": together(
        node("Pad", "X pads", "p"), node("Slice", "p zero end zero", "q"), node("Sub", "X q", "y"),
        constants=[FIRST_AXIS, constant("pads", np.array([1, 0, 0, 0])), constant("end", np.array([-1]))],
    ),
    "how many rows there are": together(
        node("Shape", "X", "s"), node("Gather", "s zero", "n"), node("Cast", "n", "f", to=TensorProto.FLOAT),
        node("Div", "X f", "y"), constants=[FIRST_AXIS],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", OF_OTHERS)
def test_a_graph_whose_rows_look_at_each_other_is_refused(tmp_path, kind):
    told = refusal(tmp_path, OF_OTHERS[kind], p="double", q="double")

    assert told.startswith("model-unsupported: the graph's output y ")
    ways = ("for a row depends on which other rows are scored with it", "or still learn" * ("training" in kind))
    assert any(way and way in told for way in ways)


@pytest.mark.parametrize("kind", OF_OTHERS)
@pytest.mark.parametrize("size", [16, *(pytest.param(each, marks=pytest.mark.long) for each in (2, 5))])
def test_it_is_also_refused_where_the_number_of_rows_is_fixed(tmp_path, kind, size):
    graph = OF_OTHERS[kind]
    graph = model(graph.graph.node, [value("X", shape=[size, 2])], [value("y", shape=None)], graph.graph.initializer)
    result = score(tmp_path, graph, p="double", q="double")

    if kind == "how many rows there are":
        agree(result, FRAME["a"] / size, output="p")
    else:
        assert result.refused is not None
        assert result.refused.code == "model-unsupported"


def branch(operator):
    return helper.make_graph([node(operator, "X", operator)], operator, [], [value(operator, shape=None)])


RANDOM_NODES = {
    "drawn": [node("RandomUniformLike", "X", "y")],
    "drawn with a seed": [node("RandomNormalLike", "X", "y", seed=1.0)],
    "thrown": [node("Sigmoid", "X", "p"), node("Bernoulli", "p", "y")],
    "drawn inside of a node": [
        node("ReduceSum", "X", "s", keepdims=0), node("Greater", "s nought", "c"),
        node("If", "c", "y", then_branch=branch("RandomUniformLike"), else_branch=branch("Identity")),
    ],
    "dropped out": [node("Dropout", "X half yes", "y")],
}  # fmt: skip


@pytest.mark.parametrize("kind", RANDOM_NODES)
def test_a_graph_that_draws_lots_is_refused(tmp_path, kind):
    made = [constant("nought", np.float32(0)), constant("half", np.float32(0.5)), constant("yes", np.array(True))]
    told = refusal(tmp_path, together(*RANDOM_NODES[kind], constants=made), p="double", q="double")

    assert "nobody can say what is right: export the model" in told


def test_a_graph_that_was_exported_for_one_row_behind_an_open_dimension_is_refused(tmp_path):
    graph = shaped(("Reshape", "s", {}), COLUMN, constants=[constant("s", np.array([1, 2])), WEIGHTS])

    assert "scores one row and can't score several: export it with an open first dimension" in refusal(tmp_path, graph)


@pytest.mark.parametrize("least", [1, 100])
def test_a_graph_that_takes_no_made_up_rows_is_looked_at_with_the_first_real_ones(tmp_path, least):
    """Of a table of which only the last rows are filled: an index below `least` is outside."""
    values = constant("values", np.arange(10, dtype=np.float32))
    shift = constant("shift", np.array(-least, np.int64))
    nodes = [
        node("Add", "X shift", "p"),
        node("Abs", "p", "q"),
        node("Gather", "values q", "r"),
        node("Gather", "values p", "s"),
    ]
    graph = model([*nodes, node("Add", "r s", "y")], [value("X", "int64")], [value("y")], [values, shift])
    data = pa.table({"x": RANDOM.integers(least, least + 5, 50)})

    result = score(tmp_path, graph, data, columns(x="long"))
    agree(result, direct(graph, {"X": data["x"].to_numpy().reshape(-1, 1)})["y"][:, 0], tolerance=0)

    mean = [node("ReduceMean", "r zero", "t", keepdims=1), node("Sub", "r t", "y")]
    graph = model([*nodes[:-1], *mean], [value("X", "int64")], [value("y")], [values, shift, FIRST_AXIS])
    if least == 100:
        assert "depends on which other rows are scored with it" in refusal(tmp_path, graph, data, columns(x="long"))
