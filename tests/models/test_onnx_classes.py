"""ONNX: which class each probability is of."""

import numpy as np
import pytest
from onnx import TensorProto, helper

from tests.models.harness import agree, columns, scored
from tests.models.onnx_graphs import constant, direct, model, node, saved, value
from tests.models.onnx_scoring import DATA, FEED, FIRST_AXIS, FRAME, INPUTS, refusal, score, several, shaped


def classifier(labels, *, zipmap=None, encode=True, scores=False, extra=()):
    """A linear classifier of three classes, whose probabilities come as a matrix, as dictionaries, or as columns."""
    strings = isinstance(labels[0], str)
    kind = "string" if strings else "int64"
    named = {"classlabels_strings": labels} if strings else {"classlabels_ints": labels}
    nodes = [
        node("LinearClassifier", "X", "label p", domain="ai.onnx.ml", coefficients=[1.0, 2.0, -1.0, 0.5, 0.3, -0.7],
             intercepts=[0.1, 0.2, -0.3], post_transform="NONE" if scores else "SOFTMAX", **named),
    ]  # fmt: skip
    outputs = [value("label", kind, ["N"])]
    if zipmap == "dictionaries":
        key = TensorProto.STRING if strings else TensorProto.INT64
        classes = {"classlabels_strings": labels} if strings else {"classlabels_int64s": labels}
        nodes.append(node("ZipMap", "p", "probabilities", domain="ai.onnx.ml", **classes))
        of = helper.make_map_type_proto(key, helper.make_tensor_type_proto(TensorProto.FLOAT, []))
        outputs.append(helper.make_value_info("probabilities", helper.make_sequence_type_proto(of)))
    elif zipmap == "columns":
        constants = []
        for place, label in enumerate(labels):
            name = f"{'s' if strings else 'i'}{label}"
            constants.append(constant(f"at{place}", np.array(place)))
            nodes.append(helper.make_node("Gather", ["p", f"at{place}"], [name], axis=1))
            outputs.append(value(name, "float", ["N"]))
        return model(nodes, [value("X", shape=["N", 2])], outputs, constants)
    else:
        outputs.append(value("p", "float", ["N", 3]))
    return model([*nodes, *extra], [value("X", shape=["N", 2])], outputs)


@pytest.mark.parametrize("zipmap", ["dictionaries", "columns", None])
@pytest.mark.parametrize(
    "labels", [[5, 6, 7], [7, 5, 6], [-2, 0, 2], [0, 1, 2], [10, 9, 100], ["no", "may be", "yes"], ["1", "0", "10"]]
)
def test_probabilities_are_found_by_their_class_and_not_by_their_place(tmp_path, labels, zipmap):
    graph, kind = classifier(labels, zipmap=zipmap), "string" if isinstance(labels[0], str) else "long"
    asked = {f"probability_{label}": "double" for label in reversed(labels)}

    result = scored(
        "onnx",
        saved(tmp_path, graph),
        inputs=INPUTS,
        outputs=columns(**asked, label=kind),
        data=DATA,
        row_group_size=30,
    )

    plain = direct(classifier(labels), FEED)
    agree(result, plain["label"], output="label")
    for place, label in enumerate(labels):
        agree(result, plain["p"][:, place], output=f"probability_{label}", tolerance=0)


@pytest.mark.parametrize("zipmap", ["dictionaries", "columns", None])
def test_a_class_that_there_is_not_is_refused_with_those_that_there_are(tmp_path, zipmap):
    graph = classifier([5, 6, 7], zipmap=zipmap)

    assert "probability_5, probability_6, probability_7" in refusal(tmp_path, graph, probability_1="double")
    assert "no class's: the model has 3 classes" in refusal(tmp_path, graph, probability="double")


def test_classes_by_another_way_than_a_classifier_node_are_known(tmp_path):
    nodes = [
        node("Softmax", "X", "p", axis=1),
        node("ArgMax", "X", "place", axis=1, keepdims=0),
    ]
    labels = constant("labels", np.array(["yes", "no"], dtype=object))
    by_list = [
        *nodes,
        node("ArrayFeatureExtractor", "labels place", "q", domain="ai.onnx.ml"),
        node("Reshape", "q s", "label"),
    ]
    by_code = [*nodes, node("LabelEncoder", "place", "label", domain="ai.onnx.ml", keys_int64s=[1, 0],
                            values_strings=["no", "yes"])]  # fmt: skip
    outputs = [value("label", "string", ["N"]), value("p", "float", ["N", 2])]
    for made in (by_list, by_code):
        graph = model(made, [value("X", shape=["N", 2])], outputs, [labels, constant("s", np.array([-1]))])

        result = score(tmp_path, graph, prediction="string", probability_no="double", probability="float")

        agree(result, direct(graph, FEED)["label"], output="prediction")
        agree(result, direct(graph, FEED)["p"][:, 1], output="probability_no", tolerance=0)
        agree(result, direct(graph, FEED)["p"][:, 1], output="probability", tolerance=0)


def test_places_are_classes_where_the_graph_takes_the_greatest(tmp_path):
    nodes = [node("Softmax", "X", "p", axis=1), node("ArgMax", "p", "label", axis=1, keepdims=0)]
    graph = model(nodes, [value("X", shape=["N", 2])], [value("label", "int64", ["N"]), value("p", shape=["N", 2])])

    result = score(tmp_path, graph, prediction="long", probability_1="double", probability_0="double")

    agree(result, FRAME.to_numpy().argmax(axis=1), output="prediction")
    agree(result, direct(graph, FEED)["p"][:, 0], output="probability_0", tolerance=0)


def test_a_lone_matrix_of_probabilities_has_places_for_classes_and_gives_no_class(tmp_path):
    graph = shaped(("Softmax", "", {"axis": 1}))

    result = score(tmp_path, graph, probability_1="double", probability_0="double")

    agree(result, direct(graph, FEED)["y"][:, 1], output="probability_1", tolerance=0)
    agree(result, direct(graph, FEED)["y"][:, 0], output="probability_0", tolerance=0)
    assert "remove prediction from" in refusal(tmp_path, graph, prediction="long", probability_1="double")


UNKNOWN = [node("Softmax", "X", "p", axis=1), node("Gather", "p zero", "s", axis=1), node("Round", "s", "label")]


@pytest.mark.parametrize(
    ("graph", "said"),
    [
        (model(UNKNOWN, [value("X", shape=["N", 2])], [value("label"), value("p", shape=["N", 2])], [FIRST_AXIS]),
         "doesn't say which classes its probabilities are of"),
        (classifier([5, 6, 1], scores=True), "values beyond 0 and 1, which are no probabilities"),
        (several(label="int64", p="float"), "doesn't say which classes its probabilities are of"),
    ],
)  # fmt: skip
def test_what_can_not_be_told_to_be_a_class_s_probability_is_refused(tmp_path, graph, said):
    assert said in refusal(tmp_path, graph, prediction="long", probability_1="double")
