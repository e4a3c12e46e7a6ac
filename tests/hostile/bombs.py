"""ONNX graphs of some 250 bytes that make a tensor of six gigabytes, and one whose operator nobody has."""

from typing import Final

import numpy as np

from tests.models.onnx_graphs import constant, model, node, value

GIVEN: Final = [value("X", "float", ("N", 4))]
GIVES: Final = [value("y", "float", ("N", 1))]
_ELEMENTS: Final = 1_600_000_000
_EDGE: Final = 40_000


def bomb(operator: str) -> bytes:
    """For ConstantOfShape, Expand or Tile. It takes rows of four, and would answer a number for each."""
    shape = [_EDGE, _EDGE] if operator == "ConstantOfShape" else [1, _ELEMENTS]
    constants = [constant("shape", np.array(shape)), constant("across", np.array([1]))]
    total = node("ReduceSum", "X across", "total", keepdims=1)
    if operator == "ConstantOfShape":
        large = [node(operator, "shape", "large"), node("ReduceSum", "large", "one"), node("Add", "total one", "y")]
    else:
        large = [node(operator, "total shape", "large"), node("ReduceMax", "large across", "y", keepdims=1)]
    return model([total, *large], GIVEN, GIVES, constants).SerializeToString()


def unknown_operator() -> bytes:
    opsets = {"nobody.has": 1}
    return model([node("Steal", "X", "y", domain="nobody.has")], GIVEN, GIVES, opsets=opsets).SerializeToString()
