"""ONNX: which columns go into which input, by name or by place, and how many rows at once."""

import itertools

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from chassis.sandbox.child import formats
from chassis.sandbox.child.formats import Source
from chassis.sandbox.child.onnx_feeds import MAX_RUN_ROWS
from tests.models.harness import columns, scored
from tests.models.onnx_graphs import adding, constant, direct, model, node, saved, value, weighing

RANDOM = np.random.default_rng(11)


def rows(count, names="abcd"):
    return pa.table({name: RANDOM.integers(0, 9, count).astype(np.float32) for name in names})


def doubles(names):
    return columns(**dict.fromkeys(names, "double"))


def known_as(path, names):
    source = Source(path, None, doubles(names))
    formats.find("onnx").load(source)
    return source.known_as


def total(data, names):
    """The sum that `adding` and `weighing` make of columns in this order."""
    return sum(10**place * data[name].to_numpy() for place, name in enumerate(names))


def refused(tmp_path, graph, inputs, data=None):
    result = scored("onnx", saved(tmp_path, graph), inputs=inputs, data=data or rows(3, [each.name for each in inputs]))
    assert result.refused is not None, result.predictions
    return f"{result.refused.code}: {result.refused.message}"


@pytest.mark.parametrize("order", list(itertools.permutations("abc")))
@pytest.mark.parametrize("shape", [["N"], ["N", 1], [None, 1], [None, None], None])
def test_an_input_is_the_column_of_its_name_in_any_order(tmp_path, order, shape):
    data = rows(40, "abcd")
    result = scored("onnx", saved(tmp_path, adding("abc", shape=shape)), inputs=doubles([*order, "d"]), data=data)

    assert result.refused is None
    assert result["prediction"].tolist() == total(data, "abc").tolist()


@pytest.mark.parametrize("shape", [["N"], ["N", 1]])
def test_inputs_that_no_column_is_called_like_go_by_place_and_the_binding_says_so(tmp_path, shape):
    data, path = rows(30, "abc"), saved(tmp_path, adding(["p", "q", "r"], shape=shape))

    result = scored("onnx", path, inputs=doubles("cab"), data=data)

    assert result["prediction"].tolist() == total(data, "cab").tolist()
    assert known_as(path, "cab") == (("c", "p"), ("a", "q"), ("b", "r"))


@pytest.mark.parametrize(
    ("graph", "names", "said"),
    [
        (
            adding(["a", "q"]),
            "ab",
            "input a is a column of the signature and its input q is not: name the columns after",
        ),
        (adding(["p", "q"]), "abc", "it requires 2 (p 1, q 1) and the signature has 3"),
        (
            adding(["p", "q"]),
            "a",
            "the model goes by the places of its inputs: it requires 2 (p 1, q 1) and the signature has 1",
        ),
        (weighing(2), "abc", "the model goes by the places of its inputs: it requires 2 and the signature has 3"),
        (weighing(3), "ab", "the model goes by the places of its inputs: it requires 3 and the signature has 2"),
        (
            adding(["p", "q"], shape=None),
            "ab",
            "p and q don't say how many columns they take: export it with their widths",
        ),
        (adding(["a", "q"], shape=[None, None]), "ab", "a and q don't say how many columns they take"),
        (weighing(2, shape=["N", None], name="a"), "ab", "may be the column of that name or all of them"),
    ],
)
def test_a_mapping_that_may_be_read_in_two_ways_or_in_none_is_refused(tmp_path, graph, names, said):
    told = refused(tmp_path, graph, doubles(names))

    assert told.startswith("signature-mismatch: ")
    assert said in told


@pytest.mark.parametrize("shape", [["N", 3], [None, 3], ["N", None], [None, None], ["N", "k"], [-1, 3], None])
@pytest.mark.parametrize("names", ["abc", "cba"])
def test_a_matrix_takes_the_columns_by_place(tmp_path, shape, names):
    graph = weighing(3, shape=shape) if shape else model(
        [node("MatMul", "X w", "y")], [value("X", "float", None)], [value("y", "float", None)],
        [constant("w", np.array([[1], [10], [100]], np.float32))],
    )  # fmt: skip
    data, path = rows(50, "abc"), saved(tmp_path, graph)

    result = scored("onnx", path, inputs=doubles(names), data=data)

    assert result["prediction"].tolist() == total(data, names).tolist()
    assert known_as(path, names) == tuple((name, f"X#{place}") for place, name in enumerate(names, 1))


def mixed(names=("b", "X"), *, width=2):
    """[N, 1], [N, k]: gives the single one + 10 times the matrix's first + 100 times its second."""
    weights = np.array([[10**place] for place in range(1, width + 1)], np.float32)
    nodes = [node("MatMul", f"{names[1]} w", "m"), node("Add", f"{names[0]} m", "y")]
    return model(nodes, [value(names[0]), value(names[1], shape=["N", width])], [value("y")], [constant("w", weights)])


@pytest.mark.parametrize("names", ["abc", "bca", "cab"])
def test_a_matrix_takes_what_inputs_with_names_leave(tmp_path, names):
    data, rest = rows(30, "abc"), [name for name in names if name != "b"]

    result = scored("onnx", saved(tmp_path, mixed()), inputs=doubles(names), data=data)

    assert result["prediction"].tolist() == total(data, ["b", *rest]).tolist()


def test_a_matrix_and_a_column_without_names_take_the_columns_one_after_another(tmp_path):
    data = rows(30, "abc")

    result = scored("onnx", saved(tmp_path, mixed(["p", "Q"])), inputs=doubles("cab"), data=data)

    assert result["prediction"].tolist() == total(data, "cab").tolist()


def test_a_column_and_an_input_of_any_width_called_like_the_other_column_are_both_found(tmp_path):
    graph = model([node("Sub", "a b", "y")], [value("a"), value("b", shape=["N", None])], [value("y")])
    data = rows(20, "ab")

    result = scored("onnx", saved(tmp_path, graph), inputs=doubles("ba"), data=data)

    assert result["prediction"].tolist() == (data["a"].to_numpy() - data["b"].to_numpy()).tolist()
    assert "input b doesn't say how many columns it takes" in refused(tmp_path, graph, doubles("abc"))


def test_two_matrices_take_the_columns_one_after_another(tmp_path):
    weights = [constant("v", np.array([[1], [10]], np.float32)), constant("w", np.array([[100], [1000]], np.float32))]
    nodes = [node("MatMul", "V v", "m"), node("MatMul", "W w", "n"), node("Add", "m n", "y")]
    graph = model(nodes, [value("V", shape=["N", 2]), value("W", shape=["N", 2])], [value("y")], weights)
    data = rows(30)

    result = scored("onnx", saved(tmp_path, graph), inputs=doubles("dbca"), data=data)

    assert result["prediction"].tolist() == total(data, "dbca").tolist()


def test_texts_and_numbers_go_into_inputs_of_their_own(tmp_path):
    nodes = [
        node("LabelEncoder", "city", "place", domain="ai.onnx.ml", keys_strings=["Lyon", "Nice"],
             values_floats=[1.0, 2.0], default_float=0.0),
        node("MatMul", "X w", "m"), node("Add", "place m", "y"),
    ]  # fmt: skip
    inputs = [value("X", shape=["N", 2]), value("city", "string")]
    graph = model(nodes, inputs, [value("y")], [constant("w", np.array([[10], [100]], np.float32))])
    data = rows(4, "ab").append_column("city", pa.array(["Nice", "Brest", "Lyon", ""]))

    result = scored("onnx", saved(tmp_path, graph), inputs=columns(city="string", a="double", b="double"), data=data)

    want = np.array([2, 0, 1, 0]) + 10 * total(data, "ab")
    assert result["prediction"].tolist() == want.tolist()


@pytest.mark.parametrize(
    ("kinds", "graph", "wrong"),
    [
        ({"a": "long", "b": "double"}, weighing(2, kind="int64", shape=["N", 2]), "b is of type double, and"),
        ({"a": "long", "b": "long?"}, weighing(2, kind="int64", shape=["N", 2]), "b is of type long, may be missing,"),
        ({"a": "double", "b": "string"}, weighing(2), "b is of type string"),
        ({"a": "datetime", "b": "double"}, weighing(2), "a is of type datetime"),
        ({"a": "double", "b": "binary"}, weighing(2), "b is of type binary"),
    ],
)
def test_one_column_of_a_matrix_that_does_not_fit_is_named(tmp_path, kinds, graph, wrong):
    told = refused(tmp_path, graph, columns(**kinds), pa.table({}))

    assert wrong in told
    assert "declare " in told


@pytest.mark.parametrize("nullable", [False, True])
def test_a_matrix_of_floats_takes_every_type_of_number(tmp_path, nullable):
    data = pa.table({"a": [1, 2, 3], "b": [0.5, 1.5, 2.5], "c": [True, False, True], "d": pa.array([5, 6, 7], "i4")})
    kinds = {"a": "long", "b": "double", "c": "boolean", "d": "integer"}
    mark = "?" * nullable

    result = scored(
        "onnx", saved(tmp_path, weighing(4)), inputs=columns(**{n: k + mark for n, k in kinds.items()}), data=data
    )

    feed = np.column_stack([data[name].to_numpy(zero_copy_only=False).astype(np.float32) for name in "abcd"])
    assert result["prediction"].tolist() == direct(weighing(4), {"X": feed})["y"][:, 0].tolist()


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


@pytest.mark.parametrize(("ir", "opset"), [(3, 8), (3, 9), (4, 9), (6, 11), (10, 21)])
def test_initializers_among_the_inputs_are_not_fed(tmp_path, ir, opset):
    weights = constant("W", np.array([[1], [10]], np.float32))
    inputs = [value("X", shape=["N", 2]), value("W", shape=[2, 1])]
    graph = model(
        [node("MatMul", "X W", "y")], inputs, [value("y")], [weights], ir=ir, opsets={"": opset, "ai.onnx.ml": 1}
    )
    data = rows(20, "ab")

    result = scored("onnx", saved(tmp_path, graph), inputs=doubles("ab"), data=data)

    assert result["prediction"].tolist() == total(data, "ab").tolist()
    if ir < 4:
        return
    told = refused(tmp_path, graph, doubles(["a", "b", "W"]))
    assert "W has a fixed value in the graph: remove the column, or export the graph without that value" in told


def test_a_graph_without_inputs_is_refused(tmp_path):
    graph = model([node("Identity", "c", "y")], [], [value("y")], [constant("c", np.ones((3, 1), np.float32))])

    assert "the graph takes no inputs" in refused(tmp_path, graph, doubles("a"))


def test_parameters_are_refused(tmp_path):
    path = saved(tmp_path, weighing(2))

    result = scored("onnx", path, inputs=doubles("ab"), data=rows(2), params={"uplift": 2})

    assert result.refused is not None
    assert "a graph takes no parameters: remove uplift" in result.refused.message
