"""ONNX: every type of a signature's column against every element type of a tensor, as input and as output."""

import math
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from onnx import TensorProto

from chassis.sandbox.child.conversion import ARROW_TYPES, Column
from chassis.sandbox.child.onnx_types import DTYPES, input_misfit
from tests.models.harness import columns, scored
from tests.models.onnx_graphs import direct, model, node, passing, saved, value

NUMPY = {
    "float16": "float16", "float": "float32", "double": "float64", "bool": "bool", "string": "object",
    **{f"{sign}int{bits}": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)},
}  # fmt: skip
WHOLE = [kind for kind in NUMPY if "int" in kind]
FLOATS = ["float16", "float", "double"]
OTHERS = [name.lower() for name, _ in TensorProto.DataType.items() if name.lower() not in {*NUMPY, "undefined"}]
VALUES = {
    "boolean": [True, False, True, True],
    "integer": [0, 1, -1, 127, 128, 255, 256, -128, -129, 65_519, 65_520, 2**24 + 1, 2**31 - 1, -(2**31)],
    "long": [3, -1, 2**15, 2**16, 2**31, 2**32, 2**53 + 1, 2**63 - 1, -(2**63), 65_535, 70_000],
    "float": [0.5, -0.0, 1e-45, 3.4e38, 65_519.0, 65_520.0, 1e-8],
    "double": [0.1, -0.0, 5e-324, 1e-46, 1e300, 3.4028235e38, 3.4028236e38, 65_519.9, 2.5],
    "string": ["", "a", "é😀", "None", "nan", "a\0b", "\0", " 1.5 "],
    "binary": [b"a", b"\xff\0"],
    "datetime": [0, 1_700_000_000_000_000_000],
}
# What a column has to be declared as for tensors of a kind; none: it may stay as it is.
DECLARED = {
    **{("boolean", kind): None for kind in [*WHOLE, *FLOATS, "bool"]},
    **{(whole, kind): None for whole in ("integer", "long") for kind in [*WHOLE, *FLOATS]},
    **{(fraction, kind): None for fraction in ("float", "double") for kind in FLOATS},
    ("string", "string"): None,
}  # fmt: skip
SHAPES = {"[N]": ["N"], "[N, 1]": ["N", 1], "[None, 1]": [None, 1], "[5, 1]": [5, 1], "no shape": None}


def fits(number, kind):
    """Whether a tensor can hold a number; a float may round it, and may not make it infinite."""
    if kind in WHOLE:
        limits = np.iinfo(NUMPY[kind])
        return limits.min <= int(number) <= limits.max
    with np.errstate(over="ignore"):
        return (
            kind not in FLOATS or bool(np.isfinite(np.array(number).astype(NUMPY[kind]))) or not math.isfinite(number)
        )


def table(kind, *, nulls):
    values = [*VALUES[kind], None] if nulls else VALUES[kind]
    return pa.table({"x": pa.array(values, ARROW_TYPES[kind])})


def plain_feed(data, kind):
    """By NumPy and pandas alone, as a person would; rows that can't be held are left out."""
    series = data["x"].to_pandas(integer_object_nulls=True)
    keep = np.array([pd.isna(each) or kind in {"bool", "string"} or fits(each, kind) for each in series])
    kept = series[keep]
    if kind in FLOATS and kept.isna().any():
        return np.array([np.nan if pd.isna(each) else each for each in kept], object).astype(NUMPY[kind]), keep
    return kept.to_numpy().astype(NUMPY[kind]), keep


@pytest.mark.parametrize(
    "shape", [pytest.param(each, marks=[] if each == "[N, 1]" else [pytest.mark.long]) for each in SHAPES]
)
@pytest.mark.parametrize("nullable", [False, True], ids=["required", "optional"])
@pytest.mark.parametrize("kind", NUMPY)
@pytest.mark.parametrize("declared", VALUES)
def test_a_cell_is_scored_exactly_or_refused_with_the_column_and_what_to_declare(
    tmp_path, declared, kind, nullable, shape
):
    given = ["N"] if SHAPES[shape] == ["N"] else ["N", 1]
    graph = passing(kind, SHAPES[shape], given=None if shape in {"no shape", "[5, 1]"} else given)
    data = table(declared, nulls=nullable)

    result = scored("onnx", saved(tmp_path, graph), inputs=columns(x=declared + "?" * nullable), data=data)

    if (declared, kind) in DECLARED and (not nullable or kind in FLOATS):
        feed, kept = plain_feed(data, kind)
        assert result.refused is None
        want = np.concatenate([alone(graph, feed[at : at + 5], shape) for at in range(0, len(feed), 5)])
        assert same(result["prediction"], want)
        assert sorted(result.rejected) == np.flatnonzero(~kept).tolist()
        assert all(f"x: a number that the graph's {kind} can't hold" in why for why in result.rejected.values())
    else:
        assert result.refused is not None
        assert result.refused.code == "signature-mismatch"
        assert f"x is of type {declared}" in result.refused.message
        assert f"takes {kind}: declare x as " in result.refused.message


def alone(graph, feed, shape):
    if SHAPES[shape] == ["N"]:
        return direct(graph, {"X": feed})["y"]
    rows = len(feed)
    if shape == "[5, 1]":
        feed = np.concatenate([feed, np.repeat(feed[-1:], 5 - rows)])
    return direct(graph, {"X": feed.reshape(-1, 1)})["y"][:rows, 0]


def same(have, want):
    want = want.astype(np.float32) if want.dtype == np.float16 else want
    if want.dtype == object:
        return have.tolist() == want.tolist()
    return have.dtype == want.dtype and np.array_equal(have, want, equal_nan=True) and signs(have) == signs(want)


def signs(values):
    """Of zeros, too."""
    return np.signbit(values).tolist() if values.dtype.kind == "f" else None


@pytest.mark.parametrize("kind", NUMPY)
@pytest.mark.parametrize("declared", VALUES)
def test_an_output_is_given_exactly_or_refused_with_what_to_declare(tmp_path, declared, kind):
    own = "string" if kind == "string" else "boolean" if kind == "bool" else "double" if kind in FLOATS else "long"
    values = {"string": ["5", "é"], "boolean": [True, False], "double": [3.0, -2.0], "long": [3, 0]}[own]
    data = pa.table({"x": pa.array(values, ARROW_TYPES[own])})
    if kind in WHOLE + FLOATS and declared in {"boolean", "binary", "datetime"}:
        values = [1, 0]

    result = scored(
        "onnx", saved(tmp_path, passing(kind)), inputs=columns(x=own), outputs=columns(y=declared), data=data
    )

    numbers = {"integer", "long", "float", "double"}
    right = {"string": {"string"}, "boolean": numbers | {"boolean"}, "double": numbers, "long": numbers | {"string"}}
    if declared in right[own]:
        assert result.refused is None
        if kind.startswith("uint") or own != "double":
            want = [str(each) if declared == "string" else each for each in values]
            kept = [value for place, value in enumerate(want) if place not in result.rejected]
            assert result["y"].tolist() == kept
        else:
            assert result["y"].tolist() == values
    else:
        assert result.refused is not None
        assert "the output y is of type" in result.refused.message
        assert "declare y as" in result.refused.message


@pytest.mark.parametrize("kind", OTHERS)
def test_a_tensor_that_numpy_can_not_hold_is_refused_as_input_and_as_output(tmp_path, kind):
    taking = model([node("Cast", "X", "y", to=TensorProto.FLOAT)], [value("X", kind)], [value("y")])
    number = TensorProto.DataType.Value(kind.upper())
    giving = model([node("Cast", "X", "y", to=number)], [value("X")], [value("y", kind)], opsets={"": 25}, ir=13)
    data = pa.table({"x": [1.0, 2.0]})

    for graph in (taking, giving):
        result = scored("onnx", saved(tmp_path, graph), inputs=columns(x="double"), data=data)
        assert result.refused is not None
        assert result.refused.code == "model-unsupported"
        ways = ("put a Cast", "with other types", "of other types")
        assert any(way in result.refused.message for way in ways), result.refused
        assert "onnxruntime_src" not in result.refused.message


@pytest.mark.parametrize("kind", OTHERS)
def test_inside_of_a_graph_a_tensor_may_be_of_any_type_that_the_runtime_has(tmp_path, kind):
    number = TensorProto.DataType.Value(kind.upper())
    nodes = [node("Cast", "X", "z", to=number), node("Cast", "z", "y", to=TensorProto.FLOAT)]
    graph = model(nodes, [value("X")], [value("y")], opsets={"": 25}, ir=13)
    data = pa.table({"x": [1.0, 0.5, 3.0, 2.0]})

    result = scored("onnx", saved(tmp_path, graph), inputs=columns(x="double"), data=data)

    if result.refused:
        assert result.refused.code == "model-unsupported"
        with pytest.raises(Exception, match="ONNXRuntimeError"):
            direct(graph, {"X": np.zeros((1, 1), np.float32)})
    else:
        feed = data["x"].to_numpy().astype(np.float32).reshape(-1, 1)
        assert same(result["prediction"], direct(graph, {"X": feed})["y"][:, 0])


@pytest.mark.parametrize("kind", FLOATS)
@pytest.mark.parametrize("number", [5e-324, 1e-45, -0.0, math.nan, math.inf, -math.inf])
def test_tiny_numbers_and_what_is_no_number_pass_where_the_signature_lets_them(tmp_path, kind, number):
    data = pa.table({"x": [number, 1.0]})

    result = scored("onnx", saved(tmp_path, passing(kind)), inputs=columns(x="double?"), data=data)

    want = np.array([[number], [1.0]]).astype(NUMPY[kind])
    assert same(result["prediction"], direct(passing(kind), {"X": want})["y"][:, 0])


def cell(declared, kind):
    needed, free = (input_misfit(Column("x", declared, required), kind) for required in (True, False))
    return "yes" if not free else "required" if not needed else f"no: `{needed.removeprefix('as ')}`"


def test_the_documented_matrix_is_the_code_s():
    alike = {}
    for kind in DTYPES:
        alike.setdefault(tuple(cell(declared, kind) for declared in ARROW_TYPES), []).append(f"`{kind}`")
    lines = ["| | " + " | ".join(", ".join(kinds) for kinds in alike.values()) + " |", "|---" * (len(alike) + 1) + "|"]
    for place, declared in enumerate(ARROW_TYPES):
        lines.append(f"| `{declared}` | " + " | ".join(cells[place] for cells in alike) + " |")

    assert "\n".join(lines) in Path("docs/formats.md").read_text(), "\n" + "\n".join(lines)
