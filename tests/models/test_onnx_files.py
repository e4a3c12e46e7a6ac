"""ONNX: files that are no graph, that need what isn't there, or that would read what isn't theirs."""

import os
import re

import numpy as np
import onnx
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from tests.models.harness import agree, columns, scored
from tests.models.onnx_graphs import constant, direct, model, node, passing, saved, value

RANDOM = np.random.default_rng(9)
DATA = pa.table({"a": RANDOM.normal(size=20).astype(np.float32), "b": RANDOM.normal(size=20).astype(np.float32)})
FEED = {"X": np.column_stack([DATA["a"].to_numpy(), DATA["b"].to_numpy()])}
INPUTS = columns(a="double", b="double")
WEIGHTS = np.array([[2], [3]], np.float32)


def score(path, **fields):
    return scored("onnx", path, inputs=INPUTS, data=DATA, **fields)


def refusal(path, **fields):
    result = score(path, **fields)
    assert result.refused is not None, result.predictions
    for leaked in (str(path), "onnxruntime_src", ".cc:", ".h:", "Traceback"):
        assert leaked not in result.refused.message
    assert "\n" not in result.refused.message
    return f"{result.refused.code}: {result.refused.message}"


def graph_of(*nodes, constants=(), **fields):
    return model(nodes, [value("X", shape=["N", 2])], [value("y", shape=None)], constants, **fields)


def function(domain, name):
    imports = [helper.make_opsetid("", 21)]
    return helper.make_function(domain, name, ["x"], ["y"], [node("Neg", "x", "y")], imports)


TRAINING = graph_of(node("MatMul", "X w", "y"), constants=[constant("w", WEIGHTS)])
TRAINING.training_info.add().algorithm.node.append(node("Identity", "X", "z"))
NEEDS = {
    "an operator that there is not": (graph_of(node("Foo", "X", "y")), "has no operator Foo for this operator set"),
    "an operator of another library": (
        graph_of(node("Foo", "X", "y", domain="my.ops"), opsets={"my.ops": 1}),
        "needs the operator Foo of my.ops, which",
    ),
    "an operator of onnxruntime-extensions": (
        graph_of(node("StringUpper", "X", "y", domain="ai.onnx.contrib"), opsets={"ai.onnx.contrib": 1}),
        "needs the operator StringUpper of ai.onnx.contrib, which",
    ),
    "an operator of training": (
        graph_of(node("Gradient", "X", "y", domain="ai.onnx.preview.training"), opsets={"ai.onnx.preview.training": 1}),
        "of ai.onnx.preview.training, which ONNX Runtime does not have",
    ),
    "an operator inside of a node": (
        graph_of(
            node("If", "c", "y", **{
                f"{way}_branch": helper.make_graph([node("Foo", "X", way, domain="my.ops")], way, [], [value(way)])
                for way in ("then", "else")
            }),
            constants=[constant("c", np.array(True))], opsets={"my.ops": 1},
        ),
        "needs the operator Foo of my.ops, which",
    ),
    "an operator inside of a function": (
        graph_of(
            node("Outer", "X", "y", domain="mine"), opsets={"mine": 1, "my.ops": 1},
            functions=[helper.make_function("mine", "Outer", ["x"], ["y"], [node("Foo", "x", "y", domain="my.ops")],
                                            [helper.make_opsetid("my.ops", 1)])],
        ),
        "needs the operator Foo of my.ops, which",
    ),
    "an operator that it redefines": (
        graph_of(node("Relu", "X", "y"), functions=[function("", "Relu")]), "redefines the operator Relu by a function"
    ),
    "an operator that is no more": (
        graph_of(node("Upsample", "X s", "y"), constants=[constant("s", np.ones(2, np.float32))]), "operator Upsample"
    ),
    "a later operator": (graph_of(node("Gelu", "X", "y"), opsets={"": 17}), "has no operator Gelu"),
    "training": (TRAINING, "holds training information: export it for inference"),
    "a value that nobody makes": (graph_of(node("Relu", "nothing", "y")), "can't load the graph ("),
    "a loop": (graph_of(node("Add", "X z", "y"), node("Relu", "y", "z")), "can't load the graph ("),
    "types that do not go together": (
        graph_of(node("MatMul", "X w", "y"), constants=[constant("w", np.ones((2, 1)))]), "can't load the graph ("
    ),
    "shapes that do not go together": (
        graph_of(node("MatMul", "X w", "y"), constants=[constant("w", np.ones((3, 1), np.float32))]),
        "can't load the graph (",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", NEEDS)
def test_a_graph_that_needs_what_is_not_there_is_refused(tmp_path, what):
    graph, said = NEEDS[what]

    told = refusal(saved(tmp_path, graph))

    assert told.startswith("model-unsupported: ")
    assert said in told


GOOD = graph_of(node("MatMul", "X w", "y"), constants=[constant("w", WEIGHTS)]).SerializeToString()


@pytest.mark.parametrize("raw", [b"", b"asdf" * 30, b"\x80\x04\x95pickle", GOOD[:-20], GOOD[5:], b"{}", bytes(1000)])
def test_a_file_that_is_no_graph_is_unreadable(tmp_path, raw):
    path = tmp_path / "model.onnx"
    path.write_bytes(raw)

    told = refusal(path)

    assert re.match("artifact-unreadable: the file is no ONNX model|model-unsupported: ", told)


def external(location, **where):
    """A graph whose weights lie in another file."""
    tensor = onnx.TensorProto(
        name="w", data_type=TensorProto.FLOAT, dims=[2, 1], data_location=onnx.TensorProto.EXTERNAL
    )
    for key, told in {"location": location, **where}.items():
        tensor.external_data.add(key=key, value=str(told))
    return tensor


@pytest.fixture
def folder(tmp_path):
    """An artifact, beside something that isn't its own."""
    (tmp_path / "secret").write_bytes(WEIGHTS.tobytes())
    made = tmp_path / "artifact"
    (made / "deep").mkdir(parents=True)
    for place in (made / "weights", made / "deep" / "weights"):
        place.write_bytes(bytes(8) + WEIGHTS.tobytes())
    (made / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(made / "pipe")
    return made


@pytest.mark.parametrize("location", ["weights", "deep/weights", "./weights", "deep/../weights"])
def test_tensors_in_files_of_the_artifact_are_read(folder, location):
    graph = graph_of(node("MatMul", "X w", "y"), constants=[external(location, offset=8, length=8)])
    saved(folder, graph)

    agree(score(folder), (FEED["X"] @ WEIGHTS)[:, 0], tolerance=1e-6)
    agree(score(folder), direct(folder / "model.onnx", FEED)["y"][:, 0], tolerance=0)


HERE = np.ones(2, np.float32)
OUTSIDE = {
    "the folder above": {"location": "../secret"},
    "the folder above by a detour": {"location": "deep/../../secret"},
    "an absolute path": {"location": "/etc/passwd"},
    "a process's environment": {"location": "/proc/self/environ"},
    "a link": {"location": "link"},
    "nothing": {"location": ""},
    "the runtime's own memory": {"location": "*/_ORT_MEM_ADDR_/*", "offset": HERE.ctypes.data, "length": 8},
    "a file that there is not": {"location": "missing"},
    "a folder": {"location": "deep"},
    "a pipe": {"location": "pipe"},
    "more than the file holds": {"location": "weights", "offset": 12, "length": 8},
    "a place before the file": {"location": "weights", "offset": -8, "length": 8},
    "a place that is no number": {"location": "weights", "offset": "8x"},
}


@pytest.mark.parametrize("where", OUTSIDE)
@pytest.mark.parametrize(
    "deep",
    ["initializer", *(pytest.param(each, marks=pytest.mark.long) for each in ("node", "inner", "function", "sparse"))],
)
def test_tensors_that_lie_elsewhere_are_refused(folder, where, deep):
    tensor = external(**OUTSIDE[where])
    if deep == "initializer":
        graph = graph_of(node("MatMul", "X w", "y"), constants=[tensor])
    elif deep == "node":
        graph = graph_of(node("Constant", "", "w", value=tensor), node("MatMul", "X w", "y"))
    elif deep == "inner":
        branch = helper.make_graph([node("Identity", "w", "z")], "inner", [], [value("z", shape=None)], [tensor])
        made = node("If", "c", "w2", then_branch=branch, else_branch=branch)
        graph = graph_of(made, node("MatMul", "X w2", "y"), constants=[constant("c", np.array(True))])
    elif deep == "function":
        nodes = [node("Constant", "", "w", value=tensor), node("MatMul", "x w", "y")]
        made = helper.make_function("mine", "F", ["x"], ["y"], nodes, [helper.make_opsetid("", 21)])
        graph = graph_of(node("F", "X", "y", domain="mine"), functions=[made], opsets={"mine": 1})
    else:
        graph = graph_of(node("MatMul", "X w", "y"))
        sparse = onnx.SparseTensorProto(values=tensor, indices=helper.make_tensor("i", TensorProto.INT64, [2], [0, 1]))
        sparse.dims.extend([2, 1])
        graph.graph.sparse_initializer.append(sparse)
    saved(folder, graph)

    told = refusal(folder)

    assert told.startswith("model-unsupported: the graph's values ")
    assert "save " in told
    assert str(folder) not in told


def test_a_single_file_reads_nothing_beside_itself(folder):
    graph = graph_of(node("MatMul", "X w", "y"), constants=[external("weights", offset=8, length=8)])

    told = refusal(saved(folder, graph))

    assert "the artifact is one file: register the folder that holds both, or save the model in one file" in told


def test_names_out_of_a_file_stay_short_and_on_one_line(tmp_path):
    name = "x" * 500 + "\n\x1b[31m"
    graph = model([helper.make_node("Identity", [name], ["y"])], [value(name, "complex64")], [value("y", "complex64")])

    told = refusal(saved(tmp_path, graph))

    assert len(told) < 300
    assert told.isprintable()


SECRET = 4_711


@pytest.mark.parametrize("kind", ["index", "text", "memory"])
def test_what_a_graph_says_of_rows_that_it_does_not_take_holds_none_of_their_values(tmp_path, kind):
    if kind == "index":
        nodes, constants = [node("Gather", "table X", "y")], [constant("table", np.arange(5, dtype=np.float32))]
        graph = model(nodes, [value("X", "int64")], [value("y")], constants)
        data, of = pa.table({"a": [1, 2, SECRET, 3]}), "long"
    elif kind == "text":
        graph = model([node("Cast", "X", "y", to=TensorProto.FLOAT)], [value("X", "string")], [value("y")])
        data, of = pa.table({"a": ["1", "2", f"secret {SECRET}", "3"]}), "string"
    else:
        nodes = [
            node("Gather", "table X", "m"), node("Reshape", "m flat", "n"), node("Expand", "one n", "z"),
            node("ReduceSum", "z", "y", keepdims=1),
        ]  # fmt: skip
        made = [constant("table", np.array([1, 1, 1, 2**50])), constant("one", np.ones((1,), np.float32))]
        made.append(constant("flat", np.array([-1])))
        graph = model(nodes, [value("X", "int64", [1, 1])], [value("y", shape=[1])], made)
        data, of = pa.table({"a": [0, 1, 3]}), "long"

    result = scored("onnx", saved(tmp_path, graph), inputs=columns(a=of), data=data)

    assert result.refused is not None
    assert result.refused.code == "model-failed"
    assert str(SECRET) not in result.refused.message
    assert "onnxruntime" not in result.refused.message
    assert ("memory" if kind == "memory" else "doesn't take what these rows hold") in result.refused.message


def test_what_is_meant_to_be_scored_is(tmp_path):
    agree(score(saved(tmp_path, onnx.load_from_string(GOOD))), (FEED["X"] @ WEIGHTS)[:, 0], tolerance=1e-6)
    data = pa.table({"a": ["x", "y"]})
    assert scored("onnx", saved(tmp_path, passing("string")), inputs=columns(a="string"), data=data)[
        "prediction"
    ].tolist() == ["x", "y"]
