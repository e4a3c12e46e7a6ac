"""ONNX: which columns go into which input, by name or by place, and how many rows at once."""

import itertools

import numpy as np
import pyarrow as pa
import pytest

from tests.models.harness import columns, scored
from tests.models.onnx_graphs import adding, constant, direct, model, node, saved, value, weighing
from tests.models.onnx_rows import doubles, known_as, refused, rows, total


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
