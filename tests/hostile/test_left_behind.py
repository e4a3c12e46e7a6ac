"""What a model's process has left when its job is done: none is kept warm with that, and none loses its warmth."""

import io

import joblib
import lightgbm
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import xgboost
from sklearn.ensemble import RandomForestClassifier

from chassis.sandbox.errors import ChildFailed
from chassis.sandbox.process import ChildProcess
from chassis.sandbox.settings import SandboxSettings
from chassis.sandbox.shared_memory import SharedMemory
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.histograms import VersionBins
from services.executor.scoring.model_session import ModelSession
from services.executor.scoring.planning import make_plan
from services.executor.scoring.reading import Fetcher
from tests.hostile import seeds
from tests.hostile.store import OneArtifact, OneObject
from tests.hostile.trial import job_of, parts_of


def written(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    return sink.getvalue()


SETTINGS = SandboxSettings(memory_bytes=900 << 20)
"""A quarter of it is less than each of these leaves, and less than may lie in `/tmp`."""
MODULE = """
import ctypes, mmap, os, socket, threading, time

MIB = bytes(1 << 20)
SIZE = 235

def load(path):
    return []

def written(file):
    for _ in range(SIZE):
        os.write(file, MIB)
    return file

def shared():
    memory = mmap.mmap(-1, SIZE << 20)
    for _ in range(SIZE):
        memory.write(MIB)
    return memory

def page_of(file):
    mapped = ctypes.CDLL(None, use_errno=True).mmap
    mapped.restype = ctypes.c_ssize_t
    assert mapped(None, ctypes.c_size_t(4096), mmap.PROT_READ, mmap.MAP_SHARED, file, ctypes.c_size_t(0)) > 0
    os.close(file)

def sent(file):
    ends = socket.socketpair()
    socket.send_fds(ends[0], [b"x"], [file])
    os.close(file)
    return ends

def sleeping(seconds):
    threading.Thread(target=time.sleep, args=(seconds,), daemon=True).start()

def numbering(does):
    import pyarrow.parquet as pq
    pq.read_table = lambda *given, first=pq.read_table, **named: does(first(*given, **named))

def predict(model, batch):
    model.append(LEFT)
    return batch["f0"].to_numpy()
"""
LEFT = {
    "private memory": "b'x' * (SIZE << 20)",
    "shared memory": "shared()",
    "a file in memory": "written(os.memfd_create('left'))",
    "a page of a closed one": "page_of(written(os.memfd_create('left')))",
    "one on its way": "sent(written(os.memfd_create('left')))",
    "a file in /tmp": "written(os.open('/tmp/left', os.O_CREAT | os.O_WRONLY))",
    "a process": "os.fork() or time.sleep(600)",
    "a thread": "sleeping(600)",
}
ROWS = np.random.default_rng(7).normal(size=(120, 4))
TWO = (ROWS[:, 0] > 0).astype(int)
REJECTED = memoryview(written(pa.table({"rejected_row": [1, 2, 5], "note": ["a", None, "b"]})))


@pytest.fixture
def begin(tmp_path):
    """Sessions of models that lie in files of these names."""
    tmp_path.chmod(0o755)
    data, begun = written(pa.table(list(ROWS.T), names=list(seeds.NAMES))), []

    def make(name: str, raw: bytes, model_format: str) -> "Scored":
        (tmp_path / name).write_bytes(raw)
        (tmp_path / name).chmod(0o644)
        begun.append(Scored(OneObject(data), tmp_path / name, model_format))
        return begun[-1]

    yield make
    for each in begun:
        each.session.close()


class Scored:
    def __init__(self, data, artifact, model_format) -> None:
        self._data, self._job = data, job_of(data, "parquet", model_format)
        self.session = ModelSession(self._job, OneArtifact(artifact), SETTINGS)

    def once(self) -> int | None:
        """Which process is kept."""
        self.session.begin_job(self._job, lambda _: None)
        self.session.mount()
        assert any(parts_of(self._job, self._data, self.session))
        return self.session._child.pid if self.session._child else None

    def sample(self) -> VersionBins | None:
        self.session.begin_job(self._job, lambda _: None)
        self.session.mount()
        plan = make_plan(self._job, self._data, self.session, rows_per_split=1_000_000, cores=1)
        return self.session.sample(Fetcher(self._data).first(plan.splits[0]))


def module(left: str) -> bytes:
    return MODULE.replace("LEFT", left).encode()


@pytest.mark.parametrize("left", LEFT)
def test_a_child_that_leaves_something_behind_is_not_kept(begin, holder, left):
    scored = begin("model.py", module(LEFT[left]), "python")
    assert scored.once() is None
    assert scored.once() is None


@pytest.mark.parametrize(
    ("does", "is_kept"), [("table", True), ("(sleeping(600), table)[1]", False)], ids=["nothing", "a thread"]
)
def test_nor_is_one_that_leaves_it_while_it_numbers_rejected_rows(begin, does, is_kept):
    scored = begin("model.py", module(f"numbering(lambda table: {does})"), "python")
    assert scored.once() is not None
    part = scored.session.number(REJECTED, before=7, rows=3)
    assert pq.read_table(pa.BufferReader(part.data)).to_pylist() == [
        {"rejected_row": 8, "note": "a"},
        {"rejected_row": 9, "note": None},
        {"rejected_row": 12, "note": "b"},
    ]
    assert (scored.session._child is not None) is is_kept


def test_a_part_that_a_model_has_taken_rows_from_is_not_stored(begin):
    scored = begin("model.py", module("numbering(lambda table: table.slice(1))"), "python")
    assert scored.once() is not None
    with pytest.raises(ScoringError) as caught:
        scored.session.number(REJECTED, before=7, rows=3)
    assert (caught.value.code, scored.session._child) == ("model-failed", None)


def test_one_that_leaves_nothing_is_kept(begin, holder):
    scored = begin("model.py", module("None"), "python")
    kept = scored.once()
    assert kept is not None
    assert [scored.once() for _ in range(2)] == [kept, kept]


def test_what_is_just_ending_may_end(begin):
    scored = begin("model.py", module("sleeping(0.1)"), "python")
    kept = scored.once()
    assert kept is not None
    assert scored.once() == kept


def test_a_model_that_leaves_something_when_it_is_tried_for_bins_is_not_kept(begin):
    scored = begin("model.py", module("sleeping(600)"), "python")
    assert scored.sample() is not None
    assert scored.session._child is None


def dumped(estimator) -> bytes:
    sink = io.BytesIO()
    joblib.dump(estimator.fit(ROWS, TWO), sink)
    return sink.getvalue()


USUAL = {
    "sklearn": lambda: ("model.joblib", dumped(RandomForestClassifier(20, n_jobs=-1))),
    "sklearn, XGBoost on four threads": lambda: (
        "model.joblib",
        dumped(xgboost.XGBClassifier(n_estimators=20, n_jobs=4)),
    ),
    "sklearn, LightGBM on four threads": lambda: (
        "model.joblib",
        dumped(lightgbm.LGBMClassifier(n_jobs=4, verbose=-1)),
    ),
    "onnx": lambda: next(seeds.onnx("")),
    "xgboost": lambda: next(seeds.xgboost("")),
    "lightgbm": lambda: next(seeds.lightgbm("")),
}


@pytest.mark.parametrize("which", USUAL)
def test_models_of_the_usual_kinds_stay_warm(begin, which):
    scored = begin(*USUAL[which](), which.partition(",")[0])
    kept = scored.once()
    assert kept is not None
    assert [scored.once() for _ in range(2)] == [kept, kept]


def test_memory_that_a_child_was_shown_is_not_its_own(holder):
    child = ChildProcess(SETTINGS, None, lambda _: None)
    try:
        shown, held = [SharedMemory(64 << 20) for _ in range(4)], []
        for memory in shown:
            memory.view[:] = bytes(64 << 20)
            child.ask_shared({"op": "unknown"}, memory, (1,))
            with pytest.raises(ChildFailed):
                child.answer()
            held.append(child.held().memory_bytes)
        assert held[-1] - held[0] < 8 << 20
    finally:
        child.close()
