"""ONNX: how many rows go in at once, and what shapes and kinds of inputs can't take rows at all."""

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from chassis.sandbox.child.onnx_feeds import MAX_RUN_ROWS
from tests.models.harness import columns, scored
from tests.models.onnx_graphs import constant, model, node, saved, value, weighing
from tests.models.onnx_rows import doubles, refused, rows, total


@pytest.mark.parametrize("size", [1, 32, *(pytest.param(each, marks=pytest.mark.long) for each in (2, 5))])
@pytest.mark.parametrize("count", [0, 1, 2, 31, 32, 33, 100])
@pytest.mark.parametrize("last", ["[N, 1]", "[N]"])
def test_a_fixed_number_of_rows_is_fed_at_once_and_the_last_ones_are_filled_up(tmp_path, size, count, last):
    nodes = [node("MatMul", "X w", "m"), node("Reshape", "m s", "y")]
    shape = [size, 1] if last == "[N, 1]" else [size]
    made = [constant("w", np.array([[1], [10]], np.float32)), constant("s", np.array(shape, np.int64))]
    graph = model(nodes, [value("X", shape=[size, 2])], [value("y", shape=shape)], made)
    data = rows(count, "ab")

    result = scored("onnx", saved(tmp_path, graph), inputs=doubles("ab"), data=data, row_group_size=33)

    assert result.refused is None
    assert (result["prediction"].tolist() if count else []) == total(data, "ab").tolist()


@pytest.mark.parametrize("count", [1, 2, 3, 32, 33, 34, 65, 100])
def test_a_last_batch_of_one_row_is_like_any_other(tmp_path, count):
    data = rows(count, "ab")

    result = scored("onnx", saved(tmp_path, weighing(2)), inputs=doubles("ab"), data=data, row_group_size=32)

    assert result["prediction"].tolist() == total(data, "ab").tolist()


def test_more_rows_than_are_run_at_once_keep_their_order(tmp_path):
    data = rows(2 * MAX_RUN_ROWS + 1, "ab")

    result = scored("onnx", saved(tmp_path, weighing(2)), inputs=doubles("ab"), data=data, row_group_size=100_000)

    assert result["prediction"].tolist() == total(data, "ab").tolist()


@pytest.mark.parametrize("bad", [0, 1, 2, 3])
def test_rows_that_are_set_aside_leave_the_others_their_numbers(tmp_path, bad):
    numbers, others = [1, 2, 3, 4], [1.5, None, 3.5, 4.5]
    numbers[bad] = 300
    nodes = [node("Cast", "x", "f", to=TensorProto.FLOAT), node("Add", "f y", "z")]
    graph = model(nodes, [value("x", "uint8"), value("y")], [value("z")])
    data = pa.table({"x": numbers, "y": others})

    result = scored("onnx", saved(tmp_path, graph), inputs=columns(x="long", y="double"), data=data, row_group_size=3)

    kept = [place for place in range(4) if place not in {1, bad}]
    assert result["prediction"].tolist() == [numbers[place] + others[place] for place in kept]
    too_large, missing = "x: a number that the graph's uint8 can't hold (0 to 255)", "y: null where a value is required"
    assert result.rejected == {bad: too_large} | {1: missing}


SHAPES = {
    "rank 0": ([], "has the shape [], and rows only have columns: export the graph with [N, k]"),
    "rank 3": (["N", 2, 3], "has the shape [N, 2, 3], and rows only have columns"),
    "rank 3 of ones": (["N", 1, 1], "and reshape inside of it"),
    "rank 4": ([1, 3, 224, 224], "has the shape [1, 3, 224, 224]"),
    "no columns": (["N", 0], "leaves open where its rows are"),
    "rows last": ([2, "N"], "leaves open where its rows are"),
    "one row of any width": ([1, "k"], "leaves open where its rows are"),
    "a row without rows": ([2], "takes one row without a dimension for rows: export the graph with [N, 2]"),
    "millions at once": ([10_000_000, 2], "export the graph with an open first dimension"),
    "none at once": ([0, 2], "export the graph with an open first dimension"),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_an_input_of_another_shape_is_refused(tmp_path, shape):
    dims, said = SHAPES[shape]
    graph = model([node("Identity", "X", "y")], [value("X", shape=dims)], [value("y", shape=None)])

    told = refused(tmp_path, graph, doubles("ab"))

    assert told.startswith("model-unsupported: ")
    assert said in told


def test_two_fixed_numbers_of_rows_are_refused(tmp_path):
    graph = model([node("Add", "p q", "y")], [value("p", shape=[1, 1]), value("q", shape=[4, 1])], [value("y")])

    assert "take no common number of rows (p [1, 1], q [4, 1])" in refused(tmp_path, graph, doubles("pq"))


def other_kinds():
    floats = helper.make_tensor_type_proto(TensorProto.FLOAT, ["N", 2])
    yield "sequence", helper.make_sequence_type_proto(floats), node("SequenceAt", "X p", "y")
    yield "optional", helper.make_optional_type_proto(floats), node("OptionalGetElement", "X", "y")
    by_text = helper.make_map_type_proto(TensorProto.STRING, helper.make_tensor_type_proto(TensorProto.FLOAT, [1]))
    yield "map", by_text, node("DictVectorizer", "X", "y", domain="ai.onnx.ml", string_vocabulary=["a"])
    yield "sparse_tensor", helper.make_sparse_tensor_type_proto(TensorProto.FLOAT, ["N", 2]), node("Identity", "X", "y")
    yield "untyped", onnx.TypeProto(), node("Identity", "X", "y")


@pytest.mark.parametrize(
    ("kind", "of", "made"), list(other_kinds()), ids=lambda each: each if isinstance(each, str) else ""
)
def test_an_input_that_is_no_tensor_is_refused(tmp_path, kind, of, made):
    graph = model([made], [helper.make_value_info("X", of)], [value("y")], [constant("p", np.array(0, np.int64))])

    assert f"input X is of type {kind}, and rows only have columns" in refused(tmp_path, graph, doubles("ab"))
