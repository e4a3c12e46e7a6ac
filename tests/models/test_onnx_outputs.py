"""ONNX: which output is which of the signature's, and what shapes and kinds of outputs become columns."""

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from onnx import TensorProto, helper

from tests.models.harness import agree, columns, scored
from tests.models.onnx_graphs import constant, direct, model, node, saved, value

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
