"""A trial of the sandbox that was killed says nothing about the command."""

import subprocess

import pytest

from chassis.errors import PlatformError
from chassis.sandbox import command
from chassis.sandbox.errors import ChildFailed, SandboxUnavailable
from chassis.sandbox.settings import SandboxSettings


@pytest.fixture
def trials(monkeypatch):
    """The exit codes of the trials to come."""
    codes = []

    def run(argv, **_):
        code = codes.pop(0)
        if code is None:
            raise subprocess.TimeoutExpired(argv, 30)
        return subprocess.CompletedProcess(
            argv, code, b"", b"bwrap: Can't find source path /srv/mlp/hidden/python: No such file"
        )

    monkeypatch.setattr(command.subprocess, "run", run)
    monkeypatch.setattr(command.shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(command, "_interpreter", lambda settings: settings.python)
    command._problem.cache_clear()
    yield codes
    command._problem.cache_clear()


def verdict() -> str:
    try:
        command.check_sandbox(SandboxSettings())
    except PlatformError as error:
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


def test_what_the_machine_said_of_it_is_for_the_log(trials):
    trials += [1]

    with pytest.raises(SandboxUnavailable, match="held here: bwrap: Can't find source path python: No such") as raised:
        command.check_sandbox(SandboxSettings())
    assert "/srv/mlp/hidden" in raised.value.detail


def test_an_interpreter_that_is_not_there_is_not_named(tmp_path):
    with pytest.raises(SandboxUnavailable) as raised:
        command.check_sandbox(SandboxSettings(python=tmp_path / "python"))
    assert (str(raised.value), raised.value.detail) == (
        "the models' interpreter is not there",
        str(tmp_path / "python"),
    )


def test_a_childs_words_are_looked_at_again():
    failed = ChildFailed(
        {"code": "model-failed", "message": "torn: /srv/hidden/x.py\nTraceback (most recent call last)"}
    )

    assert str(failed) == "torn: x.py"
