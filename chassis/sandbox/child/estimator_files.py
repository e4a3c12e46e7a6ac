"""Files of scikit-learn estimators: read once, and only where they come from this version of it."""

import bz2
import gzip
import lzma
import pickle
import pickletools
import re
import sys
import warnings
import zlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from .binding import ModelUnsupported
from .failing import in_words

_TRUSTED: Final = ("sklearn.", "numpy.", "scipy.", "xgboost.", "lightgbm.")
_ZIP_MAGIC: Final = b"PK\x03\x04"
_LZ4_MAGIC: Final = b"\x04\x22\x4d\x18"
_UNPACKERS: Final[dict[bytes, Callable[[bytes], bytes]]] = {
    b"\x1f\x8b": gzip.decompress,
    b"BZh": bz2.decompress,
    b"\xfd7zXZ": lzma.decompress,
    b"\x5d\x00": lzma.decompress,
    b"\x78": zlib.decompress,
}
_VERSION: Final = re.compile(rb"_sklearn_version.{1,16}?(\d+\.\d+[\w.]*)", re.DOTALL)
_LOST: Final = re.compile(r"Can't get attribute '([\w.]+)' on <module '([\w.]+)'")


def is_skops(file: Path) -> bool:
    with file.open("rb") as stream:
        return stream.read(len(_ZIP_MAGIC)) == _ZIP_MAGIC


def opened(file: Path) -> Any:
    """The estimator in a file.

    Raises:
        ModelUnsupported: another version of scikit-learn wrote it, or it holds what can't be found here.
    """
    with of_this_version():
        try:
            return _read_skops(file) if is_skops(file) else _read_pickle(file)
        except (ModelUnsupported, MemoryError):
            raise
        except Exception as error:
            _explain(error, file)
            raise


@contextmanager
def of_this_version() -> Generator[None]:
    """While estimators are read. Raises: ModelUnsupported, where another version of scikit-learn wrote one."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield
    for warning in caught:
        _judge(warning)


def packages(file: Path) -> tuple[str, ...]:
    """Top-level packages that a pickle names, as far as it can be read (joblib puts arrays in between)."""
    found, texts = set[str](), list[str]()
    try:
        with file.open("rb") as stream:
            for code, argument, _ in pickletools.genops(stream):
                if code.name == "GLOBAL":
                    found.add(str(argument).split(".")[0])
                elif code.name == "STACK_GLOBAL" and len(texts) > 1:
                    found.add(texts[-2].split(".")[0])
                elif "UNICODE" in code.name:
                    texts.append(str(argument))
    except ValueError:
        """The rest is no plain pickle."""
    return tuple(sorted(name for name in found if name.isidentifier()))


def _read_pickle(file: Path) -> Any:
    import joblib

    return joblib.load(file)


def _read_skops(file: Path) -> Any:
    import skops.io

    unknown: list[str] = skops.io.get_untrusted_types(file=file)
    foreign = [name for name in unknown if not name.startswith(_TRUSTED)]
    if foreign:
        raise ModelUnsupported(
            f"the skops file holds types that are not trusted here: {', '.join(foreign[:5])}: leave them out,"
            " or save the model with joblib"
        )
    return skops.io.load(file, trusted=unknown)


def _judge(warning: warnings.WarningMessage) -> None:
    """Raises: ModelUnsupported, for an estimator of another version: it may give other numbers without a word."""
    from sklearn.exceptions import InconsistentVersionWarning

    message = warning.message
    if not isinstance(message, InconsistentVersionWarning):
        warnings.showwarning(warning.message, warning.category, warning.filename, warning.lineno)
        return
    if not _is_of_one_minor(message.original_sklearn_version, message.current_sklearn_version):
        raise ModelUnsupported(_of_another(message.original_sklearn_version, message.current_sklearn_version))
    print(  # noqa: T201 - what is printed stands in the run's log
        f"{message.estimator_name} was saved by scikit-learn {message.original_sklearn_version},"
        f" and scored by {message.current_sklearn_version}",
        file=sys.stderr,
    )


def _explain(error: Exception, file: Path) -> None:
    """Raises: ModelUnsupported, UnpicklingError: where it can be said why the file isn't read."""
    import sklearn

    version = _version_in(file)
    if version and not _is_of_one_minor(version, sklearn.__version__):
        raise ModelUnsupported(_of_another(version, sklearn.__version__)) from error
    if lost := _LOST.search(str(error)):
        raise ModelUnsupported(
            f"the file only names the class or function {lost[1]} of {lost[2]}, which isn't here: save the model with"
            " cloudpickle, which keeps it, or register it with its module in format python"
        ) from error
    with file.open("rb") as stream:
        if stream.read(len(_LZ4_MAGIC)) == _LZ4_MAGIC:
            raise ModelUnsupported("the file is packed with LZ4, which isn't here: use compress='zlib'") from error
    if not isinstance(error, ImportError):
        raise pickle.UnpicklingError(
            f"the file can't be read: it is damaged or cut off, or no pickle at all: save it anew ({in_words(error)})"
        ) from error


def _of_another(theirs: str, ours: str) -> str:
    return (
        f"the model was saved by scikit-learn {theirs} and would be read by {ours}, which may give other numbers"
        f" without a word: fit and save it with {'.'.join(ours.split('.')[:2])}, or save it as ONNX"
    )


def _is_of_one_minor(theirs: str, ours: str) -> bool:
    return theirs.split(".")[:2] == ours.split(".")[:2]


def _version_in(file: Path) -> str | None:
    """The version that a pickle's estimators name, whatever else of it can be read."""
    try:
        found = _VERSION.search(_unpacked(file))
    except (OSError, EOFError, zlib.error, lzma.LZMAError):
        return None
    return found[1].decode() if found else None


def _unpacked(file: Path) -> bytes:
    """The bytes of a pickle that joblib may have compressed."""
    raw = file.read_bytes()
    for magic, unpack in _UNPACKERS.items():
        if raw.startswith(magic):
            return unpack(raw)
    return raw
