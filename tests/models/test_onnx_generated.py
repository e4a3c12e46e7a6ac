"""ONNX: graphs and tables that no list has, drawn at random."""

from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from chassis.sandbox.child.conversion import ARROW_TYPES
from tests.models.harness import columns, scored
from tests.models.onnx_graphs import constant, model, node, saved, value
from tests.models.test_onnx_types import FLOATS, NUMPY, fits

NAMES = ["age", "Age", "x", "X", "unit price", "unit_price", "f0", "f1", "è", "0", "y"]
GIVEN = {"bool": "boolean", "string": "string", "uint64": "double", **dict.fromkeys(FLOATS, "double")}
DECLARED = {
    "bool": ["boolean"], "string": ["string"],
    **{kind: ["boolean", "integer", "long", "float", "double"] for kind in FLOATS},
}  # fmt: skip
CELLS = {
    "boolean": st.booleans(),
    "integer": st.integers(-(2**31), 2**31 - 1) | st.integers(-200, 300),
    "long": st.integers(-(2**63), 2**63 - 1) | st.integers(-70_000, 70_000),
    "float": st.floats(width=32),
    "double": st.floats() | st.floats(-7e4, 7e4),
    "string": st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
}


class Drawn(NamedTuple):
    """`inputs`: of the graph, by name: the type, the shape and the columns that it should take."""

    inputs: dict[str, tuple[str, list[Any], list[str]]]
    kinds: dict[str, str]
    rows: dict[str, list[Any]]
    size: int | None


@st.composite
def drawings(draw):
    """Graphs with inputs that are called like columns, or that take them by place; with matrices among them."""
    by_name, size = draw(st.booleans()), draw(st.none() | st.integers(1, 6))
    widths = draw(st.lists(st.integers(1, 3) if not by_name else st.just(1), min_size=1, max_size=3))
    names = draw(st.lists(st.sampled_from(NAMES), unique=True, min_size=sum(widths), max_size=len(NAMES)))
    extra = names[sum(widths) :] if by_name else []
    names, inputs, kinds = names[: sum(widths)], {}, dict.fromkeys(extra, "double")
    waiting = list(names)
    for place, width in enumerate(widths):
        taken, waiting = waiting[:width], waiting[width:]
        kind = draw(st.sampled_from(list(NUMPY)))
        flat = width == 1 and draw(st.booleans())
        shape = [size or draw(st.sampled_from(["N", None]))] + ([] if flat else [width])
        name = taken[0] if by_name else f"in {place}"
        inputs[name] = (kind, shape, taken)
        for column in taken:
            declared = draw(st.sampled_from(DECLARED.get(kind, ["boolean", "integer", "long"])))
            kinds[column] = declared + ("?" if kind in FLOATS and draw(st.booleans()) else "")
    # [3] may be three rows or a row of three: it's refused.
    assume(not (len(inputs) == 1 and shape == [len(kinds)] and len(kinds) > 1))
    order = draw(st.permutations(list(kinds))) if by_name else names
    count = draw(st.integers(0, 13))
    rows = {name: draw(cells(kinds[name], count)) for name in order}
    return Drawn(inputs, {name: kinds[name] for name in order}, rows, size)


def cells(declared, count):
    one = CELLS[declared.rstrip("?")]
    return st.lists(st.none() | one if declared.endswith("?") else one, min_size=count, max_size=count)


def graph_of(drawn):
    """Gives back each column that it takes, as an output of its own."""
    nodes, outputs, constants = [], [], []
    for name, (kind, shape, taken) in drawn.inputs.items():
        for place, column in enumerate(taken):
            output = f"of {column}"
            if len(shape) == 1:
                nodes.append(_node("Identity", [name], output))
            else:
                constants.append(constant(f"{output} place", np.array([place])))
                nodes.append(_node("Gather", [name, f"{output} place"], output, axis=1))
            outputs.append(value(output, kind, None))
    inputs = [value(name, kind, shape) for name, (kind, shape, _) in drawn.inputs.items()]
    return model(nodes, inputs, outputs, constants)


def _node(operator, inputs, output, **attributes):
    made = node(operator, "", "", **attributes)
    made.input.extend(inputs)
    made.output.append(output)
    return made


def left(drawn):
    """The rows that a graph can hold and that the signature allows."""
    by_column = {column: kind for kind, _, taken in drawn.inputs.values() for column in taken}
    for place in range(len(next(iter(drawn.rows.values())))):
        cells = [(name, values[place]) for name, values in drawn.rows.items()]
        if all(_holds(drawn.kinds[name], by_column.get(name), cell) for name, cell in cells):
            yield place


def _holds(declared, kind, cell):
    if cell is None:
        return declared.endswith("?")
    if isinstance(cell, float) and not np.isfinite(cell):
        return declared.endswith("?")
    return kind is None or kind in {"bool", "string"} or fits(cell, kind)


@pytest.mark.parametrize("tries", [60, pytest.param(1_000, marks=pytest.mark.long)])
def test_a_drawn_graph_is_given_its_columns_value_for_value(tmp_path, tries):
    @settings(max_examples=tries, suppress_health_check=list(HealthCheck))
    @given(drawings())
    def check(drawn):
        types = {name: ARROW_TYPES[kind.rstrip("?")] for name, kind in drawn.kinds.items()}
        data = pa.table({name: pa.array(values, types[name]) for name, values in drawn.rows.items()})
        taken = [(kind, column) for kind, _, columns_ in drawn.inputs.values() for column in columns_]
        outputs = columns(**{f"of {column}": GIVEN.get(kind, "long") for kind, column in taken})

        result = scored(
            "onnx", saved(tmp_path, graph_of(drawn)), inputs=columns(**drawn.kinds), outputs=outputs, data=data,
            row_group_size=5,
        )  # fmt: skip

        kept = list(left(drawn))
        given = [drawn.rows[column][place] for kind, column in taken if kind == "uint64" for place in kept]
        if any(each is not None and int(float(each)) != each for each in given):
            assert result.refused.code == "prediction-shape"
            assert "double" in result.refused.message
            return
        assert result.refused is None
        assert sorted(result.rejected) == [place for place in range(data.num_rows) if place not in kept]
        for kind, column in taken:
            want = [drawn.rows[column][place] for place in kept]
            have = result[f"of {column}"].tolist() if kept else []
            # As texts, zeros have signs and what is no number is equal to itself.
            assert [repr(each) for each in have] == [repr(each) for each in as_held(want, kind)]

    check()


def as_held(values, kind):
    if kind in FLOATS:
        with np.errstate(over="ignore"):
            return [float(np.array(np.nan if each is None else each).astype(NUMPY[kind])) for each in values]
    if kind in {"bool", "string"}:
        return values
    return [float(each) if kind == "uint64" else int(each) for each in values]
