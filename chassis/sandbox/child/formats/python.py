"""A Python module of one's own: `load(path)` gives a model, `predict(model, batch)` its predictions. Carries code.

The module is the entry point, else `model.py`, else the only `.py` file. `path` is the artifact's folder. `batch` is a
pandas frame; or an Arrow table or record batch, where `predict` says so by the type of its second parameter. Parameters
of the signature are given by their names.
"""

import importlib.util
import sys
import typing
from collections.abc import Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from typing import Any, Final

import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..archives import unpacked
from ..frames import to_frame
from . import Inspection, Source, inside

CARRIES_CODE: Final = True
_USUAL: Final = "model.py"


def inspect(source: Source) -> Inspection:
    folder, file = _module(source)
    return Inspection(f"module {file.relative_to(folder)}" if file != source.path else "module")


def load(source: Source) -> "PythonModel":
    folder, file = _module(source)
    module = _imported(folder, file)
    lacking = [name for name in ("load", "predict") if not callable(getattr(module, name, None))]
    if lacking:
        raise TypeError(f"{file.name} has no function {' and no function '.join(lacking)}")
    return PythonModel(module, module.load(folder if folder.is_dir() else file), source)


class PythonModel:
    def __init__(self, module: ModuleType, model: Any, source: Source) -> None:
        self._predict, self._model = module.predict, model
        self._names = [column.name for column in source.inputs]
        self._params = source.params
        self._kind = _kind_of_batch(module.predict)

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        del rows
        return _plain(self._predict(self._model, self._batch(columns), **self._params))

    def _batch(self, columns: Sequence[pa.Array]) -> Any:
        if self._kind is None:
            return to_frame(self._names, columns)
        return self._kind.from_arrays(list(columns), names=self._names)


def _module(source: Source) -> tuple[Path, Path]:
    """The artifact's folder and the module in it. Raises: FileNotFoundError."""
    if source.path.is_file() and not _is_archive(source.path):
        return source.path, source.path
    folder = unpacked(source.path)
    if source.entrypoint:
        return folder, inside(folder, source.entrypoint)
    if (folder / _USUAL).is_file():
        return folder, folder / _USUAL
    found = sorted(folder.rglob("*.py"))
    if len(found) != 1:
        raise FileNotFoundError(f"{len(found)} .py files in the artifact and none is {_USUAL}: name an entry point")
    return folder, found[0]


def _is_archive(path: Path) -> bool:
    with path.open("rb") as file:
        head = file.read(6)
    return head.startswith((b"PK\x03\x04", b"\x1f\x8b", b"BZh", b"\xfd7zXZ")) or _is_tar(path)


def _is_tar(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(262)[257:262] == b"ustar"


def _imported(folder: Path, file: Path) -> ModuleType:
    """Its neighbours can be imported by their names."""
    sys.path.insert(0, str(file.parent))
    if folder.is_dir() and folder != file.parent:
        sys.path.insert(1, str(folder))
    loader = SourceFileLoader("deployed_model", str(file))
    spec = importlib.util.spec_from_loader("deployed_model", loader)
    if spec is None:
        raise ImportError(f"{file.name} is no Python module")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    loader.exec_module(module)
    return module


def _kind_of_batch(predict: Any) -> Any:
    """`pyarrow.Table` or `RecordBatch`; None: a pandas frame."""
    try:
        hints = typing.get_type_hints(predict)
    except Exception:  # noqa: BLE001 - a name that only a type checker would know says nothing here
        return None
    names = predict.__code__.co_varnames[: predict.__code__.co_argcount] if hasattr(predict, "__code__") else ()
    kind = hints.get(names[1]) if len(names) > 1 else None
    return kind if kind in (pa.Table, pa.RecordBatch) else None


def _plain(result: Any) -> Any:
    """Arrow results as arrays by name; all else as it is."""
    if isinstance(result, pa.Table | pa.RecordBatch):
        return {name: result.column(name).to_numpy(zero_copy_only=False) for name in result.schema.names}
    if isinstance(result, pa.Array):
        return result.to_numpy(zero_copy_only=False)
    if isinstance(result, pa.ChunkedArray):
        return result.to_numpy()
    return result
