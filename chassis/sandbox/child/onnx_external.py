"""Tensors that lie in files of their own: in the artifact's folder, and nowhere else."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from .binding import ModelUnsupported

# ONNX Runtime takes such a "file" for an address in its own memory.
_ADDRESS: Final = "*/"
_SHOWN: Final = 80


def check_external(tensors: Iterable[Any], beside: Path, folder: Path | None) -> None:
    """Look at where each tensor's values are.

    Args:
        tensors: of ONNX's type.
        beside: the model's own folder, which places are relative to.
        folder: the artifact; None where it's a single file, so that nothing beside it is the model's.

    Raises:
        ModelUnsupported: values lie outside of the artifact, or behind the end of their file.
    """
    for tensor in tensors:
        if tensor.data_location == tensor.EXTERNAL or tensor.external_data:
            _check(tensor, beside, folder)


def _check(tensor: Any, beside: Path, folder: Path | None) -> None:
    told = {entry.key: entry.value for entry in tensor.external_data}
    place = told.get("location", "")
    where = f"the graph's values {tensor.name[:_SHOWN]!r} lie in the file {place[:_SHOWN]!r}"
    if folder is None:
        raise ModelUnsupported(
            f"{where}, and the artifact is one file: register the folder that holds both, or save the model in one file"
        )
    path = (beside / place).resolve()
    if (
        not place
        or place.startswith(_ADDRESS)
        or Path(place).is_absolute()
        or not path.is_relative_to(folder.resolve())
    ):
        raise ModelUnsupported(f"{where}, which is outside of the artifact: save it beside the model")
    if not path.is_file():
        raise ModelUnsupported(f"{where}, which the artifact does not have: save it beside the model")
    if not _lies_within(told, path.stat().st_size):
        raise ModelUnsupported(f"{where}, which is shorter than the graph says: save the model anew")


def _lies_within(told: dict[str, str], size: int) -> bool:
    try:
        offset, length = int(told.get("offset") or 0), int(told.get("length") or 0)
    except ValueError:
        return False
    return offset >= 0 and length >= 0 and offset + length <= size
