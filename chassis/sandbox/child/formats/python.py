"""A Python module of one's own: `load(path)` gives a model, `predict(model, batch)` its predictions. Carries code.

The module is the entry point, else `model.py`, else the only `.py` file. `path` is the artifact's folder. `batch` is a
pandas frame; or an Arrow table or record batch, where `predict` says so by the type of its second parameter. Parameters
of the signature are given by their names.
"""

import importlib.util
import inspect as signatures
import sys
import typing
from collections.abc import Callable, Sequence
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType, UnionType
from typing import Any, Final

import pyarrow as pa

# ruff: noqa: TID252 - in the sandbox this package has another name
from ..archives import unpacked
from ..frames import looks_of, to_frame
from . import Inspection, ModelUnsupported, SignatureMismatch, Source, inside

_USUAL: Final = "model.py"
_NO_BATCH: Final = frozenset(
    {"ndarray", "Series", "list", "List", "tuple", "dict", "Dict", "Array", "ChunkedArray", "str"}
)


def inspect(source: Source) -> Inspection:
    folder, file = _module(source)
    return Inspection(f"module {file.relative_to(folder)}" if file != source.path else "module")


def load(source: Source) -> "PythonModel":
    folder, file = _module(source)
    module = _imported(folder, file)
    lacking = [name for name in ("load", "predict") if not callable(getattr(module, name, None))]
    if lacking:
        raise ModelUnsupported(
            f"{file.name} has no function {' and no function '.join(lacking)}: it has to define load(path) and"
            " predict(model, batch)"
        )
    _check_call(module.predict, source.params)
    return PythonModel(module, module.load(folder if folder.is_dir() else file), source)


class PythonModel:
    def __init__(self, module: ModuleType, model: Any, source: Source) -> None:
        self._predict, self._model = module.predict, model
        self._names = [column.name for column in source.inputs]
        self._looks = looks_of(source.inputs, text=source.text)
        self._params = source.params
        self._kind = _kind_of_batch(module.predict)

    def predict(self, columns: Sequence[pa.Array], rows: int) -> Any:
        del rows
        return self._predict(self._model, self._batch(columns), **self._params)

    def _batch(self, columns: Sequence[pa.Array]) -> Any:
        if self._kind is None:
            return to_frame(self._names, columns, self._looks)
        return self._kind.from_arrays(list(columns), names=self._names)


def _check_call(predict: Callable[..., Any], params: dict[str, Any]) -> None:
    """Raises: ModelUnsupported, SignatureMismatch: it can't be called with a model, a batch and the parameters."""
    if signatures.iscoroutinefunction(predict) or signatures.isasyncgenfunction(predict):
        raise ModelUnsupported("predict is asynchronous, and nobody waits for it: make it a plain function")
    try:
        accepted = signatures.signature(predict)
    except ValueError:
        return
    try:
        accepted.bind(None, None)
    except TypeError as error:
        if not params:
            raise ModelUnsupported(f"predict{accepted} can't be called as predict(model, batch)") from error
    try:
        accepted.bind(None, None, **params)
    except TypeError as error:
        raise SignatureMismatch(
            f"predict{accepted} doesn't take the signature's parameters {', '.join(params)} as they are: give it"
            " parameters of these names, or leave them out of the signature"
        ) from error


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


def _kind_of_batch(predict: Callable[..., Any]) -> Any:
    """`pyarrow.Table` or `RecordBatch`; None: a pandas frame. Raises: ModelUnsupported: its type is neither."""
    hint = _hint(predict)
    kinds = typing.get_args(hint) if isinstance(hint, UnionType) else (hint,)
    names = {getattr(typing.get_origin(kind) or kind, "__name__", str(kind).rpartition(".")[2]) for kind in kinds}
    if "DataFrame" in names or not names & (_NO_BATCH | {"Table", "RecordBatch"}):
        return None
    for kind in (pa.Table, pa.RecordBatch):
        if kind.__name__ in names:
            return kind
    raise ModelUnsupported(
        f"by its type, predict takes a batch of {', '.join(sorted(names))}, and gets a pandas.DataFrame, or a"
        " pyarrow.Table or pyarrow.RecordBatch where its type says so"
    )


def _hint(predict: Callable[..., Any]) -> Any:
    """The type of its second parameter; as a text where only a type checker knows its name."""
    try:
        parameter = list(signatures.signature(predict).parameters.values())[1]
    except (ValueError, IndexError):
        return None
    try:
        return typing.get_type_hints(predict).get(parameter.name)
    except Exception:  # noqa: BLE001 - whatever stands in its annotations
        return parameter.annotation
