"""Showing an input's first rows comes to an end, whoever is slow."""

import time
from types import SimpleNamespace

import pytest

from chassis.sandbox.settings import SandboxSettings
from services.executor.scoring import preview as module
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.preview import Looking
from tests.unit.sleeping import is_gone, sleeping

SOURCE = InputObject(key="sales/a.csv", etag='"1"', size_bytes=1 << 30)


def looked_at(sandbox: SandboxSettings, get_range=None) -> ScoringError:
    bucket = SimpleNamespace(beginning=lambda *_: (b"a", None), get_range=get_range)
    with pytest.raises(ScoringError) as failed:
        Looking(bucket, sandbox, time.monotonic() + sandbox.look_s).at(SOURCE, "csv", 5)  # pyright: ignore[reportArgumentType]
    return failed.value


def test_a_reader_that_never_answers_is_ended(tmp_path):
    began = time.monotonic()
    failed = looked_at(sleeping(tmp_path, look_s=0.5))
    assert failed.code == "input-corrupt"
    assert "MLP_SANDBOX_LOOK_S" in str(failed)
    assert time.monotonic() - began < 10
    assert is_gone(tmp_path)


class Greedy:
    """A child that always wants more."""

    def __init__(self, *_, **__) -> None:
        self.at = 0

    def ask(self, *_) -> None:
        self.at += 1

    def answer(self):
        return {"need": [self.at, self.at + 1]}, []

    def close(self) -> None: ...


def test_a_store_that_drips_is_told_apart(monkeypatch):
    monkeypatch.setattr(module, "ChildProcess", Greedy)
    asked = []

    def get_range(source, start, end) -> bytes:
        asked.append(start)
        time.sleep(0.1)
        return b"x"

    failed = looked_at(SandboxSettings(look_s=0.5), get_range)
    assert failed.code == "store-unavailable"
    assert "sales/a.csv" in str(failed)
    assert len(asked) <= 6
