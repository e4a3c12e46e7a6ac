"""ONNX: which output is which of the signature's, and what shapes and kinds of outputs become columns."""

import numpy as np
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from tests.models.harness import agree
from tests.models.onnx_graphs import constant, direct, model, node, value
from tests.models.onnx_scoring import (
    AXIS,
    COLUMN,
    DATA,
    FEED,
    FIRST_AXIS,
    FRAME,
    WEIGHTS,
    refusal,
    score,
    several,
    shaped,
)


@pytest.mark.parametrize("given", [None, ["N", 1], [None, None], ["N", "N"]])
def test_a_column_is_a_column_whatever_the_graph_says_of_its_shape(tmp_path, given):
    graph = shaped(COLUMN, given=given, constants=[WEIGHTS])

    agree(score(tmp_path, graph), direct(graph, FEED)["y"][:, 0], tolerance=0)


@pytest.mark.parametrize("count", [1, 2, 5, 77])
def test_values_without_a_second_dimension_are_a_column(tmp_path, count):
    graph = shaped(COLUMN, ("Squeeze", "one", {}), constants=[WEIGHTS, AXIS])

    result = score(tmp_path, graph, DATA.slice(0, count))

    agree(result, direct(graph, FEED)["y"][:count], tolerance=0)


@pytest.mark.parametrize("count", [1, 2, 5, 77])
@pytest.mark.parametrize("fixed", [False, True])
def test_columns_that_lie_across_are_turned(tmp_path, count, fixed):
    two = shaped(("Transpose", "", {"perm": [1, 0]}), given=[2, "N"] if fixed else None)
    one = shaped(COLUMN, ("Transpose", "", {"perm": [1, 0]}), given=[1, "N"] if fixed else None, constants=[WEIGHTS])

    both = score(tmp_path, two, DATA.slice(0, count), p="float", q="float")
    alone = score(tmp_path, one, DATA.slice(0, count))

    agree(both, FRAME["a"][:count], output="p", tolerance=0)
    agree(both, FRAME["b"][:count], output="q", tolerance=0)
    agree(alone, direct(one, FEED)["y"][0, :count], tolerance=0)


def test_a_single_value_is_a_row_where_a_graph_takes_one_row(tmp_path):
    nodes = [node("MatMul", "X w", "m"), node("Squeeze", "m", "y")]
    graph = model(nodes, [value("X", shape=[1, 2])], [value("y", shape=[])], [WEIGHTS])

    one_by_one = [direct(graph, {"X": FEED["X"][at : at + 1]})["y"] for at in range(len(FRAME))]
    agree(score(tmp_path, graph), np.array(one_by_one), tolerance=0)


ALL = {"keepdims": 0}
NOT_ROWS = {
    "one value for all rows": shaped(("ReduceSum", "", ALL)),
    "one row for all rows": shaped(("ReduceMax", "zero", {"keepdims": 1}), constants=[FIRST_AXIS]),
    "rank 3": shaped(("Unsqueeze", "zero", {}), constants=[FIRST_AXIS]),
    "rank 3, rows first": shaped(("Unsqueeze", "one", {}), constants=[AXIS]),
    "two rows a row": shaped(("Concat", "X", {"axis": 0})),
    "fewer rows": shaped(
        ("Slice", "from to", {}), constants=[constant("from", np.array([1])), constant("to", np.array([2**31]))]
    ),
    "a matrix of all rows by all": model(
        [node("Transpose", "X", "t", perm=[1, 0]), node("MatMul", "X t", "y")],
        [value("X", shape=["N", 2])], [value("y", shape=None)],
    ),
}  # fmt: skip


@pytest.mark.parametrize("kind", NOT_ROWS)
@pytest.mark.parametrize("names", ["", "pq", "pqrst"])
def test_an_output_that_has_no_row_for_each_row_is_refused(tmp_path, kind, names):
    told = refusal(tmp_path, NOT_ROWS[kind], **dict.fromkeys(names, "double"))

    assert told.startswith(("model-unsupported: the graph's output y ", "signature-mismatch: "))
    assert "export the graph" in told or ("declare" in told and "matrix" in kind)


def test_outputs_are_found_by_their_names_in_any_order(tmp_path):
    graph = several(score="float", prediction="double", other="float")

    result = score(tmp_path, graph, other="double", prediction="double")

    agree(result, FRAME["a"] * 3, output="other")
    agree(result, FRAME["a"] * 2, output="prediction")
    agree(score(tmp_path, graph, prediction="double"), FRAME["a"] * 2)


def test_without_a_name_that_fits_the_prediction_is_the_first_output(tmp_path):
    agree(score(tmp_path, several(score="float", other="float")), FRAME["a"])
    agree(score(tmp_path, several(score="float", other="float"), prediction="double"), FRAME["a"])


@pytest.mark.parametrize(
    ("graph", "outputs", "said"),
    [
        (several(p="float", q="float"), {"p": "double", "z": "double"}, "has no output z: it has p, q"),
        (several(p="float", q="float"), {"y": "double", "z": "double"}, "output p gives 1 columns and 2 are declared"),
        (shaped(("Identity", "", {})), {}, "output y gives 2 columns and 1 is declared: declare 2 outputs"),
        (shaped(("Identity", "", {})), {"y": "double"}, "output y gives 2 columns and 1 is declared"),
        (shaped(("Identity", "", {})), dict.fromkeys("pqr", "double"), "gives 2 columns and 3 are declared"),
        (
            several(p="float"),
            {"p": "string"},
            "p is of type string, and the graph's output p gives float: declare p as double",
        ),
    ],
)
def test_outputs_that_do_not_fit_are_refused_with_those_that_there_are(tmp_path, graph, outputs, said):
    assert said in refusal(tmp_path, graph, **outputs)


def test_several_columns_are_several_outputs_in_their_order(tmp_path):
    result = score(tmp_path, shaped(("Identity", "", {})), first="double", second="float")

    agree(result, FRAME["a"], output="first", tolerance=0)
    agree(result, FRAME["b"], output="second", tolerance=0)


def test_a_fraction_that_is_declared_whole_ends_with_the_output_s_name(tmp_path):
    told = refusal(tmp_path, several(p="float"), p="long")

    assert told.startswith("prediction-shape: ")
    assert "p" in told
    numbers = pa.table({"a": pa.array([1, 2], pa.float32()), "b": pa.array([0, 0], pa.float32())})
    assert score(tmp_path, several(p="float"), numbers, p="long")["p"].tolist() == [1, 2]


FLOATS = helper.make_tensor_type_proto(TensorProto.FLOAT, ["N", 2])
ODD = {
    "sequence": (helper.make_sequence_type_proto(FLOATS), node("SequenceConstruct", "X", "y")),
    "sequence of parts": (
        helper.make_sequence_type_proto(FLOATS), node("SplitToSequence", "X", "y", axis=0, keepdims=1)
    ),
    "optional": (helper.make_optional_type_proto(FLOATS), node("Optional", "X", "y")),
}  # fmt: skip


@pytest.mark.parametrize("kind", ODD)
def test_an_output_that_is_no_tensor_is_refused_unless_nobody_asks_for_it(tmp_path, kind):
    of, made = ODD[kind]
    beside = [node("MatMul", "X w", "p")]
    graph = model(
        [made, *beside], [value("X", shape=["N", 2])], [helper.make_value_info("y", of), value("p")], [WEIGHTS]
    )

    assert "output y is of type" in refusal(tmp_path, graph)
    agree(score(tmp_path, graph, p="double"), direct(graph, FEED)["p"][:, 0], output="p", tolerance=0)
