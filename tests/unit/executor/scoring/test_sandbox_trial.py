"""A trial of the sandbox that was killed, or a child that was killed while it loaded, says nothing about either."""

import subprocess
from contextlib import nullcontext
from types import SimpleNamespace

import pytest

from services.executor.scoring import child_scorer, sandbox
from services.executor.scoring.child_process import ChildDied
from services.executor.scoring.child_scorer import ChildScorer
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.settings import SandboxSettings


@pytest.fixture
def trials(monkeypatch):
    """The exit codes of the trials to come."""
    codes = []

    def run(command, **_):
        code = codes.pop(0)
        if code is None:
            raise subprocess.TimeoutExpired(command, 30)
        return subprocess.CompletedProcess(command, code, b"", b"no namespaces")

    monkeypatch.setattr(sandbox.subprocess, "run", run)
    monkeypatch.setattr(sandbox.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(sandbox, "_interpreter", lambda settings: settings.model_python)
    sandbox._problem.cache_clear()
    yield codes
    sandbox._problem.cache_clear()


def verdict() -> str:
    try:
        sandbox.check_sandbox(SandboxSettings())
    except ScoringError as error:
        return error.code
    return "held"


@pytest.mark.parametrize("code", [-9, 137, None], ids=["itself killed", "its content killed", "too slow"])
def test_a_trial_that_was_killed_is_made_again_and_may_be_retried(trials, code):
    trials += [code, 0]

    assert verdict() == "worker-lost"
    assert verdict() == "held"


def test_a_sandbox_that_does_not_hold_is_asked_again_and_one_that_holds_is_not(trials):
    trials += [1, 0]

    assert [verdict() for _ in range(4)] == ["sandbox-unavailable", "held", "held", "held"]


@pytest.fixture
def scorer(monkeypatch):
    """A scorer that isn't started, whose children die while loading as often as told."""
    deaths = []

    class Child:
        alive = True

        def __init__(self, *_):
            if deaths:
                raise ChildDied(deaths.pop())
            self.inspection = {}

        def count(self, _counting):
            return

        def close(self):
            return

    monkeypatch.setattr(child_scorer, "ChildProcess", Child)
    model = SimpleNamespace(format="sklearn", entrypoint=None, name="model demand version 1")
    job = SimpleNamespace(model=model, effective_params={})
    plan = SimpleNamespace(inputs=(), outputs=(), text=False)
    artifacts = SimpleNamespace(checked_out=lambda _: nullcontext("model.pkl"))
    task = SimpleNamespace(job=job, plan=plan, artifacts=artifacts, sandbox=None, hear=None)

    def made(*told):
        deaths.extend(told)
        return ChildScorer(task)

    return made


def test_a_child_that_was_killed_while_it_loaded_is_replaced(scorer):
    assert scorer("signal 9")._child is not None


def test_a_model_that_kills_its_child_while_loading_is_unreadable(scorer):
    with pytest.raises(ScoringError) as caught:
        scorer("signal 9", "signal 9")
    assert caught.value.code == "artifact-unreadable"
