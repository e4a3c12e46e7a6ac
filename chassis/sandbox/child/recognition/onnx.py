"""ONNX: a `ModelProto`, alone or beside files of external tensors."""

from typing import Final

from .bundle import Bundle
from .packed import HEAD_BYTES
from .pickles import holds_pickle
from .protobuf import LENGTH, VARINT, Field, NotProtobuf, fields

_IR_VERSION, _GRAPH, _OPSET_IMPORT = 1, 7, 8
_WIRE_TYPES: Final = {
    _IR_VERSION: VARINT,
    2: LENGTH,  # producer_name
    3: LENGTH,  # producer_version
    4: LENGTH,  # domain
    5: VARINT,  # model_version
    6: LENGTH,  # doc_string
    _GRAPH: LENGTH,
    _OPSET_IMPORT: LENGTH,
    14: LENGTH,  # metadata_props
    20: LENGTH,  # training_info
    25: LENGTH,  # functions
    26: LENGTH,  # configuration
}


def check(bundle: Bundle) -> str | None:
    path = bundle.only(".onnx")
    if path is None:
        return "holds not exactly one .onnx file"
    problem = _problem(bundle, path)
    if problem and holds_pickle(bundle.head(path, HEAD_BYTES)):
        return "is a pickle or joblib file, no ONNX ModelProto: register it with the format sklearn"
    return problem


def _problem(bundle: Bundle, path: str) -> str | None:
    seen: set[int] = set()
    try:
        for field in fields(bundle, path):
            if not _belongs(field):
                return "is no ONNX ModelProto: it has fields that no model has"
            seen.add(field.number)
    except NotProtobuf as error:
        return f"is no ONNX ModelProto: {error}"
    missing = {_IR_VERSION, _GRAPH, _OPSET_IMPORT} - seen
    return "is no ONNX ModelProto: it lacks its IR version, its graph or its operator sets" if missing else None


def _belongs(field: Field) -> bool:
    if field.number == 0 or _WIRE_TYPES.get(field.number, field.wire_type) != field.wire_type:
        return False
    return field.value > 0 if field.number in (_IR_VERSION, _GRAPH) else True
