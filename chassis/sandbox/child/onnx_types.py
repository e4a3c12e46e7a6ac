"""Which of the signature's types fit which element type of a graph's tensors, and what to declare where they don't."""

from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .conversion import Column

DTYPES: Final[dict[str, np.dtype[Any]]] = {
    "float16": np.dtype(np.float16),
    "float": np.dtype(np.float32),
    "double": np.dtype(np.float64),
    "int8": np.dtype(np.int8),
    "int16": np.dtype(np.int16),
    "int32": np.dtype(np.int32),
    "int64": np.dtype(np.int64),
    "uint8": np.dtype(np.uint8),
    "uint16": np.dtype(np.uint16),
    "uint32": np.dtype(np.uint32),
    "uint64": np.dtype(np.uint64),
    "bool": np.dtype(np.bool_),
    "string": np.dtype(np.object_),
}
"""The element types that NumPy can hold, by ONNX's names. ONNX Runtime gives others as raw bytes, or not at all."""
_WHOLE: Final = frozenset({"boolean", "integer", "long"})
_NUMBERS: Final = _WHOLE | {"float", "double"}


def input_misfit(column: Column, kind: str) -> str | None:
    """What to declare a column as, so that a graph's input can hold its values; None: it can.

    Args:
        column: of the signature.
        kind: the input's element type, one of `DTYPES`.
    """
    wanted = _type_for(column.type, kind)
    nullable = not column.required and DTYPES[kind].kind != "f"
    if wanted is None:
        return "as required (rows without a value are then rejected)" if nullable else None
    return f"as {wanted}, required" if nullable else f"as {wanted}"


def _type_for(declared: str, kind: str) -> str | None:
    """The signature's type that an input takes; None: the declared one will do."""
    match DTYPES[kind].kind:
        case "O":
            return None if declared == "string" else "string"
        case "b":
            return None if declared == "boolean" else "boolean"
        case "f":
            return None if declared in _NUMBERS else "double"
        case _:
            fitting = "long" if DTYPES[kind].itemsize == DTYPES["int64"].itemsize else "integer"
            return None if declared in _WHOLE else fitting


def output_misfit(column: Column, kind: str) -> str | None:
    """What to declare one of the signature's outputs as, so that it can hold what a graph gives; None: it can."""
    match DTYPES[kind].kind:
        case "O":
            return None if column.type == "string" else "as string"
        case "b":
            return None if column.type in _NUMBERS | {"boolean"} else "as boolean"
        case "f":
            return None if column.type in _NUMBERS - {"boolean"} else "as double"
        case _:
            return None if column.type in (_NUMBERS | {"string"}) - {"boolean"} else "as long"


def may_not_fit(column: Column, kind: str) -> bool:
    """Whether a column may hold numbers that an input of this type can't (see `beyond`)."""
    dtype = DTYPES[kind]
    if dtype.kind not in "iuf" or column.type == "boolean":
        return False
    if dtype.kind == "f":
        widest = {"float16": frozenset[str](), "float": _WHOLE | {"float"}}.get(kind, _NUMBERS)
        return column.type not in widest
    return dtype.kind == "u" or dtype.itemsize < column.arrow_type.bit_width // 8


def beyond(values: pa.Array, kind: str) -> npt.NDArray[np.bool_] | None:
    """A mask of the numbers that an input of this type can't hold; None: it can hold them all."""
    numbers = numbers_of(values)
    # Mostly all of them fit, and their extremes tell that much faster than each of them.
    if not len(numbers) or (-_reach(kind) <= np.fmin.reduce(numbers) and np.fmax.reduce(numbers) <= _reach(kind)):
        return None
    if DTYPES[kind].kind == "f":
        with np.errstate(over="ignore"):
            mask = np.isinf(numbers.astype(DTYPES[kind])) & np.isfinite(numbers)
    else:
        limits = np.iinfo(DTYPES[kind])
        mask = (numbers < max(limits.min, -(2**63))) | (numbers > min(limits.max, 2**63 - 1))
    if values.null_count:
        mask &= values.is_valid().to_numpy(zero_copy_only=False)
    return mask if mask.any() else None


def _reach(kind: str) -> float:
    """Numbers up to it fit, with either sign."""
    dtype = DTYPES[kind]
    return float(np.finfo(dtype).max) if dtype.kind == "f" else 0 if dtype.kind == "u" else np.iinfo(dtype).max


def range_of(kind: str) -> str:
    """In words, for who reads why a row was rejected."""
    if DTYPES[kind].kind == "f":
        return f"a number that the graph's {kind} can't hold"
    limits = np.iinfo(DTYPES[kind])
    return f"a number that the graph's {kind} can't hold ({limits.min} to {limits.max})"


def numbers_of(values: pa.Array) -> npt.NDArray[Any]:
    """Numbers or booleans as they are; 0 where null, so that whole numbers keep their type."""
    if values.null_count:
        values = values.fill_null(False if pa.types.is_boolean(values.type) else 0)
    return values.to_numpy(zero_copy_only=False)
