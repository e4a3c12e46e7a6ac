"""Whole files through registry and execution, by a process in which every parser fails: none of them runs outside.

python -m tests.hostile.outside SEEDS FORMAT   what came of the format's files, as JSON
python -m tests.hostile.outside --parsers      what each parser does here, as JSON
"""

import bz2
import csv
import gzip
import importlib
import importlib.abc
import importlib.machinery
import json
import lzma
import pickle
import shutil
import sys
import tarfile
import tempfile
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, Final

from tests.hostile.nursery import Nursery
from tests.hostile.run import SETTINGS, modules_of
from tests.hostile.trial import Trial
from tests.unit.registry.samples import GOOD

CHILD: Final = "chassis.sandbox.child"
ROWS: Final[dict[str, tuple[str, ...]]] = {
    "models": ("sklearn", "joblib", "skops", "onnx", "onnxruntime", "xgboost", "lightgbm", "mlflow", "cloudpickle",
               "numpy", "pandas", f"{CHILD}.formats.sklearn", f"{CHILD}.formats.onnx", f"{CHILD}.formats.xgboost",
               f"{CHILD}.formats.lightgbm", f"{CHILD}.formats.mlflow", f"{CHILD}.formats.python"),
    "recognition": (f"{CHILD}.recognition", f"{CHILD}.inspection_ops"),
    "archives": (f"{CHILD}.archives",),
    "data": ("pyarrow", f"{CHILD}.chunk", f"{CHILD}.footers", f"{CHILD}.parquet_schema", f"{CHILD}.csv_dialect",
             f"{CHILD}.csv_records", f"{CHILD}.csv_text", f"{CHILD}.csv_schema", f"{CHILD}.hive",
             f"{CHILD}.preview_ops", f"{CHILD}.dataset_ops", f"{CHILD}.planning_ops"),
    "parts": (f"{CHILD}.parts", f"{CHILD}.output_rows", f"{CHILD}.scoring_ops"),
}  # fmt: skip
"""Modules that parse, by the rows of the table in docs/security.md."""
FUNCTIONS: Final[dict[str, tuple[tuple[ModuleType, str], ...]]] = {
    "models": ((pickle, "load"), (pickle, "loads"), (pickle, "Unpickler")),
    "archives": ((zipfile, "ZipFile"), (zipfile, "is_zipfile"), (tarfile, "open"), (tarfile, "is_tarfile")),
    "data": (
        (gzip, "decompress"), (gzip, "GzipFile"), (bz2, "decompress"), (bz2, "BZ2Decompressor"), (csv, "reader"),
        (lzma, "decompress"), (lzma, "LZMADecompressor"), (zlib, "decompress"), (zlib, "decompressobj"),
    ),
}  # fmt: skip


class ParsedOutside(BaseException):
    """Nobody takes this for a file that can't be read."""


class _Refusing(importlib.abc.MetaPathFinder):
    def find_spec(self, name: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if any(name == each or name.startswith(f"{each}.") for each in sum(ROWS.values(), ())):
            raise ParsedOutside(name)
        return None


def fail_outside() -> None:
    """From here on, whatever parses raises."""

    def failing(name: str) -> Callable[..., Any]:
        def fail(*_: object, **__: object) -> Any:
            raise ParsedOutside(name)

        return fail

    sys.meta_path.insert(0, _Refusing())
    for module, name in sum(FUNCTIONS.values(), ()):
        setattr(module, name, failing(f"{module.__name__}.{name}"))


def tried(seeds: Path, format_: str) -> dict[str, list[str]]:
    """How each file of a format was registered and scored; and others were that run nowhere."""
    found: dict[str, list[str]] = {}
    with tempfile.TemporaryDirectory() as name:
        Path(name).chmod(0o755)
        nursery = Nursery(SETTINGS, Path(name) / "nursery", modules_of(format_))
        shutil.copy(seeds / "model.py", nursery.folder)
        rows = (seeds / "rows.parquet").read_bytes()
        trial = Trial(format_, nursery, SETTINGS, 60, rows, nursery.folder / "model.py")
        try:
            for seed in sorted((seeds / format_).iterdir()):
                outcome = trial.of(Path(shutil.copy(seed, nursery.folder)))
                found.setdefault(format_, []).append(f"{seed.name}: {outcome.registered}, {outcome.how}")
            for other in ("spark-ml", "jar", "r"):
                found[other] = [_looked_at(replace(trial, format=other), GOOD[other][0])]
        finally:
            nursery.end()
    return found


def _looked_at(trial: Trial, files: dict[str, bytes]) -> str:
    folder = trial.nursery.folder / trial.format
    for path, raw in files.items():
        file = folder / Path(path).relative_to("d" if path.startswith("d/") else "")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(raw)
    return trial.register(folder, signature=None)


def parsers() -> dict[str, dict[str, bool]]:
    """Whether each fails here, by row."""
    found: dict[str, dict[str, bool]] = {}
    for row, modules in ROWS.items():
        found[row] = {name: _fails(lambda name=name: importlib.import_module(name)) for name in modules}
    for row, functions in FUNCTIONS.items():
        named = {f"{module.__name__}.{name}": getattr(module, name) for module, name in functions}
        found[row] |= {name: _fails(lambda call=call: call(b"")) for name, call in named.items()}
    return found


def _fails(call: Callable[[], object]) -> bool:
    try:
        call()
    except ParsedOutside:
        return True
    return False


if __name__ == "__main__":
    fail_outside()
    if sys.argv[1] == "--parsers":
        print(json.dumps(parsers()))
    else:
        print(json.dumps(tried(Path(sys.argv[1]), sys.argv[2])))
