"""ONNX: operator sets and IR versions of many years, and of the standard's machine-learning operators."""

import numpy as np
import onnx
import pandas as pd
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from tests.models.harness import agree, columns, scored
from tests.models.onnx_graphs import constant, direct, model, node, saved, value

NEWEST = onnx.defs.onnx_opset_version()
OPSETS = range(7, NEWEST + 1)
NEWEST_ML = max(
    schema.since_version for schema in onnx.defs.get_all_schemas_with_history() if schema.domain == "ai.onnx.ml"
)
RANDOM = np.random.default_rng(3)
FRAME = pd.DataFrame(RANDOM.normal(size=(33, 3)).astype(np.float32), columns=list("abc"))
DATA = pa.Table.from_pandas(FRAME)


def score(tmp_path, graph, **outputs):
    inputs = columns(a="double", b="double", c="double")
    return scored(
        "onnx", saved(tmp_path, graph), inputs=inputs, outputs=columns(**outputs), data=DATA, row_group_size=16
    )


def of_its_time(opset):
    """An IR version that the operator set came with."""
    return helper.OP_SET_ID_VERSION_MAP[("ai.onnx", opset)]


def layers(opset):
    """What exporters write, in the way of its time: attributes that became inputs, and operators that came later."""
    made = [
        constant("w", RANDOM.normal(size=(3, 4)).astype(np.float32)), constant("b", np.zeros(4, np.float32)),
        constant("one", np.array([1], np.int64)), constant("low", np.float32(-0.5)), constant("high", np.float32(0.9)),
    ]  # fmt: skip
    clip = node("Clip", "g low high", "k") if opset >= 11 else node("Clip", "g", "k", min=-0.5, max=0.9)
    gelu = (
        [node("Gelu", "k", "l")] if opset >= 20 else [node("Erf", "k", "l")] if opset >= 9 else [node("Tanh", "k", "l")]
    )
    norm = [node("Softmax", "l", "m", axis=1)]
    total = node("ReduceSum", "m2 one", "s") if opset >= 13 else node("ReduceSum", "m2", "s", axes=[1])
    mean = node("ReduceMean", "l one", "n") if opset >= 18 else node("ReduceMean", "l", "n", axes=[1])
    nodes = [
        node("Gemm", "X w b", "g"),
        clip,
        *gelu,
        *norm,
        node("Mul", "m g", "m2"),
        total,
        mean,
        node("Add", "s n", "y"),
    ]
    needed = {name for each in nodes for name in each.input}
    return nodes, [each for each in made if each.name in needed]


@pytest.mark.parametrize("opset", OPSETS)
@pytest.mark.parametrize("newest_ir", [False, pytest.param(True, marks=pytest.mark.long)])
def test_every_operator_set_scores_as_when_called_directly(tmp_path, opset, newest_ir):
    nodes, made = layers(opset)
    ir = onnx.IR_VERSION if newest_ir else of_its_time(opset)
    inputs = [value("X", shape=["N", 3]), *(value(each.name, shape=each.dims) for each in made if ir < 4)]
    for place, each in enumerate(made if ir < 4 else ()):
        inputs[1 + place].type.tensor_type.elem_type = each.data_type
    graph = model(nodes, inputs, [value("y")], made, opsets={"": opset, "ai.onnx.ml": 1}, ir=ir)

    agree(score(tmp_path, graph), direct(graph, {"X": FRAME.to_numpy()})["y"][:, 0], tolerance=1e-6)


@pytest.mark.parametrize(
    ("opset", "ir", "said"),
    [
        (NEWEST + 1, onnx.IR_VERSION, f"operator set {NEWEST + 1} is newer than ONNX Runtime"),
        (NEWEST, onnx.IR_VERSION + 1, f"IR version is {onnx.IR_VERSION + 1} and ONNX Runtime"),
    ],
)
def test_a_graph_from_the_future_is_refused(tmp_path, opset, ir, said):
    graph = model([node("Relu", "X", "y")], [value("X", shape=["N", 3])], [value("y")], opsets={"": opset}, ir=ir)
    result = score(tmp_path, graph)

    assert result.refused is not None
    assert result.refused.code == "model-unsupported"
    assert said in result.refused.message
    assert "convert the model with an older" in result.refused.message
    assert "onnxruntime_src" not in result.refused.message


TREES = {
    "nodes_treeids": [0] * 3, "nodes_nodeids": [0, 1, 2], "nodes_featureids": [1, 0, 0], "nodes_values": [0.2, 0, 0],
    "nodes_modes": ["BRANCH_LEQ", "LEAF", "LEAF"], "nodes_truenodeids": [1, 0, 0], "nodes_falsenodeids": [2, 0, 0],
    "class_treeids": [0] * 6, "class_nodeids": [1, 1, 1, 2, 2, 2], "class_ids": [0, 1, 2, 0, 1, 2],
    "class_weights": [0.25, 0.125, 0.625, 0.5, 0.375, 0.125],
}  # fmt: skip
LINE = {
    "coefficients": [1.0, -2.0, 3.0, -1.0, 2.0, -3.0, 0.5, 0.5, 0.5], "intercepts": [0.1, -0.1, 0.0],
    "post_transform": "SOFTMAX",
}  # fmt: skip


@pytest.mark.parametrize("version", range(1, NEWEST_ML + 1))
def test_every_machine_learning_operator_set_scores_as_when_called_directly(tmp_path, version):
    opset = {1: 9, 2: 11, 3: 15, 4: 19}.get(version, 22)
    kind, fields = ("TreeEnsembleClassifier", TREES) if version < 5 else ("LinearClassifier", LINE)
    nodes = [
        node("Scaler", "X", "z", domain="ai.onnx.ml", offset=[0.1, 0.2, 0.3], scale=[2.0, 1.0, 0.5]),
        node(kind, "z", "label p", domain="ai.onnx.ml", classlabels_strings=["no", "so", "yes"], **fields),
        node("LinearRegressor", "z", "r", domain="ai.onnx.ml", coefficients=[1.0, -2.0, 3.0], intercepts=[0.5]),
    ]
    outputs = [value("label", "string", ["N"]), value("p", shape=["N", 3]), value("r")]
    opsets = {"": opset, "ai.onnx.ml": version}
    graph = model(nodes, [value("X", shape=["N", 3])], outputs, opsets=opsets, ir=of_its_time(opset))
    plain = direct(graph, {"X": FRAME.to_numpy()})

    result = score(tmp_path, graph, label="string", probability_yes="double", r="double")

    assert len(set(plain["label"])) > 1
    agree(result, plain["label"], output="label")
    agree(result, plain["p"][:, 2], output="probability_yes", tolerance=0)
    agree(result, plain["r"][:, 0], output="r", tolerance=0)


def test_an_ensemble_of_trees_of_the_newest_kind_scores_as_when_called_directly(tmp_path):
    tensor = lambda values, kind=TensorProto.FLOAT: helper.make_tensor("t", kind, [len(values)], values)  # noqa: E731
    made = node(
        "TreeEnsemble", "X", "y", domain="ai.onnx.ml", n_targets=1, aggregate_function=1, post_transform=0,
        tree_roots=[0], nodes_modes=tensor([0], TensorProto.UINT8), nodes_featureids=[1], nodes_splits=tensor([0.2]),
        nodes_truenodeids=[0], nodes_trueleafs=[1], nodes_falsenodeids=[1], nodes_falseleafs=[1],
        leaf_targetids=[0, 0], leaf_weights=tensor([5.25, -2.5]),
    )  # fmt: skip
    graph = model([made], [value("X", shape=["N", 3])], [value("y")], opsets={"": 22, "ai.onnx.ml": 5})

    agree(score(tmp_path, graph), direct(graph, {"X": FRAME.to_numpy()})["y"][:, 0], tolerance=0)


def test_operators_that_the_runtime_brings_itself_are_scored(tmp_path):
    made = [node("MatMul", "X w", "m"), node("Gelu", "m", "y", domain="com.microsoft")]
    weights = constant("w", np.array([[1], [2], [3]], np.float32))
    graph = model(made, [value("X", shape=["N", 3])], [value("y")], [weights], opsets={"com.microsoft": 1})

    agree(score(tmp_path, graph), direct(graph, {"X": FRAME.to_numpy()})["y"][:, 0], tolerance=1e-6)


@pytest.mark.parametrize("opset", [15, 18, NEWEST])
def test_functions_of_the_model_itself_are_scored_as_when_called_directly(tmp_path, opset):
    imports = [helper.make_opsetid("", opset)]
    twice = helper.make_function("mine", "Twice", ["x"], ["y"], [node("Add", "x x", "y")], imports)
    fourfold = helper.make_function(
        "mine", "Fourfold", ["x"], ["y"],
        [node("Twice", "x", "t", domain="mine"), node("Twice", "t", "y", domain="mine")],
        [*imports, helper.make_opsetid("mine", 1)],
    )  # fmt: skip
    nodes = [node("MatMul", "X w", "m"), node("Fourfold", "m", "y", domain="mine")]
    weights = constant("w", np.array([[1], [2], [3]], np.float32))
    graph = model(nodes, [value("X", shape=["N", 3])], [value("y")], [weights],
                  opsets={"": opset, "mine": 1}, functions=[twice, fourfold])  # fmt: skip

    want = 4 * (FRAME.to_numpy() @ np.array([1, 2, 3], np.float32))
    agree(score(tmp_path, graph), want, tolerance=1e-5)
    agree(score(tmp_path, graph), direct(graph, {"X": FRAME.to_numpy()})["y"][:, 0], tolerance=1e-6)
