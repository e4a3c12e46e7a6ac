"""Many damaged files of a format, tried one after another by a process that holds secrets; and what came of them."""

import contextlib
import json
import os
import random
import socket
import subprocess
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from chassis.sandbox.settings import SandboxSettings
from services.executor.scoring.model_session import ModelSession
from tests.hostile import binaries, documents
from tests.hostile.canaries import Canary, Search
from tests.hostile.mutators import Mutator, mutated
from tests.hostile.nursery import Nursery
from tests.hostile.store import OneArtifact, OneObject
from tests.hostile.trial import CRASHED, LATE, SCORED, Outcome, Trial, job_of, parts_of

SECRET: Final = "MLP_S3_SECRET_KEY"
"""Of the variables that the services have their credentials in."""
LIMIT_S: Final = 4.0
_WHOLE: Final = "whole"
_REFUSED: Final = ("hostile", "outside", "loader", "categorical")
"""Whole files that are refused, or have rows that are."""
SETTINGS: Final = SandboxSettings(memory_bytes=3 << 30, file_bytes=1 << 30, cpu_s=20)
_MODULES: Final = {
    "sklearn": ("joblib", "sklearn.ensemble", "sklearn.linear_model", "sklearn.pipeline", "skops.io"),
    "onnx": ("onnx", "onnxruntime"),
    "xgboost": ("xgboost", "sklearn"),
    "lightgbm": ("lightgbm",),
    "mlflow": ("mlflow.pyfunc", "mlflow.sklearn", "skops.io", "sklearn.linear_model", "cloudpickle"),
    "python": (),
    "parquet": (),
    "csv": (),
}
_COMMON: Final = ("numpy", "pandas", "pyarrow.parquet", "pyarrow.csv", "child.session", "child.formats.python")
FORMATS: Final = tuple(_MODULES)
_CLEAR: Final = frozenset(
    {SCORED, LATE, CRASHED, "model-failed", "model-unsupported", "artifact-unreadable", "artifact-format-mismatch",
     "signature-mismatch", "prediction-shape", "model-crashed"}
)  # fmt: skip
_CLEAR_OF_DATA: Final = frozenset(
    {SCORED, LATE, CRASHED, "input-corrupt", "input-empty", "input-missing-column", "input-duplicate-column",
     "input-mixed-schemas", "column-conflict", "dataset-unreadable", "artifact-unreadable", "model-crashed"}
)  # fmt: skip
MUTATORS: Final[dict[str, Sequence[Mutator]]] = {
    ".joblib": (binaries.unpacked_first([binaries.pickle_codes]), binaries.pickle_codes),
    ".pkl": (binaries.pickle_codes,),
    ".skops": (binaries.zip_members([documents.json_values, documents.json_structure]), binaries.zip_records),
    ".onnx": (binaries.protobuf_fields,),
    ".json": (documents.json_values, documents.json_places, documents.json_places, documents.json_structure),
    ".ubj": (binaries.ubjson_places,),
    ".txt": (documents.lightgbm_trees, documents.lightgbm_trees, documents.lightgbm_numbers, documents.lines),
    ".zip": (
        binaries.zip_members([binaries.pickle_codes, documents.lines, documents.json_values]),
        binaries.zip_records,
    ),
    ".py": (documents.lines,),
    ".parquet": (binaries.parquet_footer, binaries.parquet_pages),
    ".csv": (documents.csv_cells, documents.lines),
    ".gz": (binaries.unpacked_first([documents.csv_cells]),),
    ".bz2": (binaries.unpacked_first([documents.csv_cells]),),
}


@dataclass
class Report:
    """`unclear`: answers that say nothing, or what they must not; `read`, `executed`, `lost`: files that did it.

    `good_s`: seconds that a good model took to answer behind each file.
    """

    format: str
    files: int = 0
    outcomes: Counter[str] = field(default_factory=Counter[str])
    registered: Counter[str] = field(default_factory=Counter[str])
    died: Counter[str] = field(default_factory=Counter[str])
    unclear: list[str] = field(default_factory=list[str])
    read: list[str] = field(default_factory=list[str])
    executed: list[str] = field(default_factory=list[str])
    lost: list[str] = field(default_factory=list[str])
    late: list[str] = field(default_factory=list[str])
    crashed: list[str] = field(default_factory=list[str])
    nurseries: int = 0
    good_s: list[float] = field(default_factory=list[float])
    slowest_s: float = 0.0
    seconds: float = 0.0
    pid: int = field(default_factory=os.getpid)

    def to_json(self) -> str:
        return json.dumps(vars(self))


class Outside:
    """What hostile code goes for: a file that only its owner may read, a port, a socket, a folder to write into."""

    def __init__(self, folder: Path, canary: Canary) -> None:
        folder.mkdir(parents=True)
        folder.chmod(0o777)
        self.folder = folder
        self.trace = folder / "trace"
        self._secret = folder / "secret"
        self._secret.touch(mode=0o600)
        self._secret.write_bytes(canary.spread)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._local = socket.socket(socket.AF_UNIX)
        self._local.bind(str(folder / "socket"))
        (folder / "socket").chmod(0o777)
        self._local.listen()
        for one in (self._listener, self._local):
            one.setblocking(False)
        self._bystander = subprocess.Popen(["sleep", "86400"])

    @property
    def targets(self) -> dict[str, Any]:
        """As `code.trying` takes them."""
        secrets = [str(self._secret), f"/proc/{os.getpid()}/environ", f"/proc/{os.getpid()}/mem"]
        return {"secrets": secrets, "trace": str(self.trace), "port": self._listener.getsockname()[1]}

    def touched(self) -> bool:
        """Whether anything was done to it."""
        for listener in (self._listener, self._local):
            with contextlib.suppress(BlockingIOError):
                listener.accept()[0].close()
                return True
        found = {path.name for path in self.folder.iterdir()}
        return found != {"secret", "socket"} or self._bystander.poll() is not None

    def close(self) -> None:
        self._listener.close()
        self._local.close()
        self._bystander.kill()
        self._bystander.wait()


def files(folder: Path, count: int, seed: int) -> Iterator[tuple[str, bytes]]:
    """Names and bytes of damaged files; every tenth is whole, and its name says so."""
    seeds = sorted(path for path in folder.iterdir() if path.is_file())
    whole = {path: path.read_bytes() for path in seeds}
    for number in range(count):
        if number % 10 == 5:
            path = seeds[number // 10 % len(seeds)]
            yield f"{number}-{_WHOLE}-{path.name}", whole[path]
            continue
        random_ = random.Random(f"{folder.name} {seed} {number}")
        path = seeds[number % len(seeds)]
        other = whole[random_.choice([each for each in seeds if each.suffix == path.suffix])]
        yield f"{number}-{path.name}", mutated(whole[path], MUTATORS.get(path.suffix, ()), random_, other=other)


def run(seeds: Path, work: Path, outside: Outside, format_: str, *, count: int, seed: int) -> Report:
    """Try so many files. `seeds`: what `seeds.write` has made for `outside`."""
    canary = Canary(os.environ[SECRET].encode()[:8])
    held = [bytearray(canary.spread) for _ in range(64)]
    report, began = Report(format_), time.monotonic()
    nursery = Nursery(SETTINGS, work / f"nursery-{format_}", modules_of(format_))
    (nursery.folder / "model.py").write_bytes((seeds / "model.py").read_bytes())
    rows, search = (seeds / "rows.parquet").read_bytes(), Search([canary])
    trial = Trial(format_, nursery, SETTINGS, LIMIT_S, rows, nursery.folder / "model.py")
    good = Good(seeds)
    try:
        for name, raw in files(seeds / format_, count, seed):
            file = nursery.folder / name
            file.write_bytes(raw)
            report.files += 1
            try:
                outcome = trial.of(file)
            except Exception as error:  # noqa: BLE001 - a driver's task would have ended
                report.lost.append(f"{name}: {type(error).__name__}: {error}")
                continue
            _judge(report, name, outcome, search, outside)
            report.good_s.append(good.seconds())
            file.unlink()
    finally:
        nursery.end()
        search.close()
        good.close()
    report.nurseries, report.seconds = nursery.began, time.monotonic() - began
    if any(each.count(canary.word) != len(each) // 8 for each in held):
        report.lost.append("the memory that holds secrets was changed")
    return report


def _judge(report: Report, name: str, outcome: Outcome, search: Search, outside: Outside) -> None:
    report.outcomes[outcome.how] += 1
    report.registered[outcome.registered] += 1
    report.slowest_s = max(report.slowest_s, outcome.seconds)
    clear = _CLEAR_OF_DATA if report.format in {"parquet", "csv"} else _CLEAR
    for how in (outcome.how, outcome.registered, outcome.previewed or SCORED):
        if how not in clear:
            report.unclear.append(f"{name}: {how}: {outcome.messages}")
    if any(not said.isprintable() or "Traceback" in said or "/sandbox" in said for said in outcome.messages):
        report.unclear.append(f"{name}: {outcome.messages}")
    _, kind, seed = (*name.split("-"), "")[:3]
    if kind == _WHOLE and not seed.startswith(_REFUSED) and {outcome.how, outcome.registered} != {SCORED}:
        report.unclear.append(f"{name}: {outcome.registered}, {outcome.how}, though it is whole: {outcome.messages}")
    if outcome.died:
        report.died[outcome.died] += 1
        words = [said for said in outcome.said if isinstance(said, str) and said.isprintable() and said]
        report.crashed.append(f"{name}: {outcome.registered}, {outcome.how}: {outcome.died}: {words[-3:]}")
    if LATE in (outcome.how, outcome.registered):
        report.late.append(f"{name}: {outcome.registered}, {outcome.how}")
    if search.finds(outcome.parts, [outcome.messages, outcome.said]):
        report.read.append(name)
    if outside.touched():
        report.executed.append(name)


class Good:
    """A whole model in a warm child of the platform's own."""

    def __init__(self, seeds: Path) -> None:
        self._data = OneObject((seeds / "rows.parquet").read_bytes())
        self._job = job_of(self._data, "parquet", "python")
        self._session = ModelSession(self._job, OneArtifact(seeds / "model.py"), SETTINGS)
        self._session.mount()
        self.seconds()

    def seconds(self) -> float:
        """How long an execution takes."""
        began = time.monotonic()
        self._session.begin_job(self._job, lambda _: None)
        if not any(parts_of(self._job, self._data, self._session)):
            raise AssertionError("a whole model gave nothing")
        return time.monotonic() - began

    def close(self) -> None:
        self._session.close()


def modules_of(format_: str) -> tuple[str, ...]:
    """What a nursery for the format imports."""
    own = (f"child.formats.{format_}",) if format_ not in {"parquet", "csv"} else ()
    return (*_COMMON, *_MODULES[format_], *own)
