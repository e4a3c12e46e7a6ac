"""The classes that a classifier's graph knows, in the order of its probabilities."""

from typing import Any, Final

# What hands a class through, at most in another shape or type.
_THROUGH: Final = frozenset({"Identity", "Cast", "Reshape", "Squeeze", "Unsqueeze", "Flatten"})
_CLASSIFIERS: Final = frozenset({"LinearClassifier", "SVMClassifier", "TreeEnsembleClassifier"})
_PICKS: Final = frozenset({"ArrayFeatureExtractor", "Gather"})
_STEPS: Final = 50

ClassNames = tuple[str | int, ...]
PLACES: Final[ClassNames] = ()
"""Of a graph whose class is the place of the greatest value: 0, 1, …"""


def classes_of(graph: Any) -> ClassNames | None:
    """Those of the graph's first output, or of its dictionaries (`ZipMap`); None: it doesn't say."""
    makers = {name: node for node in graph.node for name in node.output if name}
    values = {each.name: each for each in graph.initializer}
    ends = [_maker(makers, output.name) for output in graph.output]
    for end in ends:
        if end is not None and end.op_type == "ZipMap":
            return _listed(end, "classlabels_strings", "classlabels_int64s")
    return _labels(ends[0], makers, values) if ends else None


def _labels(maker: Any, makers: dict[str, Any], values: dict[str, Any]) -> ClassNames | None:
    if maker is None:
        return None
    if maker.op_type in _CLASSIFIERS:
        return _listed(maker, "classlabels_strings", "classlabels_ints", "classlabels_int64s")
    if maker.op_type in _PICKS:
        return _constant(maker.input[0], makers, values)
    if _is_place(maker):
        return PLACES
    if maker.op_type == "LabelEncoder" and _is_place(_maker(makers, maker.input[0])):
        return _renamed(maker)
    return None


def _maker(makers: dict[str, Any], name: str) -> Any:
    """The node that a value comes from, behind those that hand it through."""
    for _ in range(_STEPS):
        node = makers.get(name)
        if node is None or node.op_type not in _THROUGH:
            return node
        name = node.input[0]
    return None


def _is_place(node: Any) -> bool:
    return node is not None and node.op_type == "ArgMax"


def _listed(node: Any, *names: str) -> ClassNames | None:
    for attribute in node.attribute:
        if attribute.name in names and (attribute.strings or attribute.ints):
            return tuple(text.decode(errors="replace") for text in attribute.strings) or tuple(attribute.ints)
    return None


def _renamed(encoder: Any) -> ClassNames | None:
    """Of a node that gives each place (0, 1, …) a name."""
    keys = _listed(encoder, "keys_int64s") or ()
    found = dict(zip(keys, _listed(encoder, "values_strings", "values_int64s") or (), strict=False))
    return tuple(found[place] for place in range(len(found))) if sorted(found) == list(range(len(found))) else None


def _constant(name: str, makers: dict[str, Any], values: dict[str, Any]) -> ClassNames | None:
    from onnx import TensorProto, numpy_helper

    tensor = values.get(name)
    maker = makers.get(name)
    if maker is not None and maker.op_type == "Constant":
        tensor = next((attribute.t for attribute in maker.attribute if attribute.name == "value"), None)
    if tensor is None or tensor.data_location == TensorProto.EXTERNAL:
        return None
    array = numpy_helper.to_array(tensor).ravel()
    if array.dtype.kind not in "OiuSU":
        return None
    return tuple(each.decode(errors="replace") if isinstance(each, bytes) else each for each in array.tolist())
