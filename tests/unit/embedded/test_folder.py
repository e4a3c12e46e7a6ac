"""Whose a data folder is: what may be made in it, and what may be deleted from it."""

import fcntl
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from infra.embedded import folder
from infra.embedded.errors import StackError
from infra.embedded.files import locked
from infra.embedded.layout import CHECKOUT, Layout
from infra.embedded.orphans import MARKER
from infra.embedded.parts import SERVERS
from infra.embedded.stack import Stack

THEIRS = {"thesis.txt": "years of work", "data/mine.csv": "1,2", "logs/app.log": "theirs", "photos/data/kafka/a": "b"}
OURS = ("stack.json", "ports.json", "lock", "supervisord.ini", ".stack.json.71", "data/kafka/log/0", "logs/s3.log.1")
VERBS = {"with the environment": [], "where nothing is installed": ["VENV=none", f"PYTHON={sys.executable}"]}


def _layout(data: Path) -> Layout:
    return Layout(CHECKOUT, data, data / "downloads")


def _fill(data: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        (data / name).write_text(text)


def _files(data: Path) -> dict[str, str]:
    return {str(path.relative_to(data)): path.read_text() for path in data.rglob("*") if path.is_file()}


def _stacks_own(data: Path) -> Layout:
    folder.claim(_layout(data))
    _fill(data, dict.fromkeys(OURS, "{}"))
    return _layout(data)


@pytest.fixture(params=VERBS)
def make_clean(request: pytest.FixtureRequest) -> Callable[..., subprocess.CompletedProcess[str]]:
    def run(data: Path, **environ: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["make", "--no-print-directory", "-C", str(CHECKOUT), "clean", *VERBS[request.param]],
            env={**os.environ, "MLP_RUN_FOLDER": str(data), **environ},
            capture_output=True,
            text=True,
            check=False,
        )

    return run


def test_make_clean_of_a_folder_that_is_no_stacks_deletes_nothing_and_says_so(make_clean, tmp_path):
    _fill(tmp_path, THEIRS)

    done = make_clean(tmp_path)

    assert done.returncode != 0
    assert f"{tmp_path} is no stack's folder; nothing is deleted" in done.stderr
    assert _files(tmp_path) == THEIRS


def test_make_clean_deletes_what_a_stack_made_and_names_the_rest(make_clean, tmp_path):
    _stacks_own(tmp_path)
    _fill(tmp_path, {"thesis.txt": "years of work", "data/mine.csv": "1,2"})

    done = make_clean(tmp_path)

    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith("left what it didn't: data/mine.csv, thesis.txt\n")
    assert _files(tmp_path) == {"thesis.txt": "years of work", "data/mine.csv": "1,2"}


def test_make_clean_of_a_stacks_folder_deletes_it_whole_and_may_be_repeated(make_clean, tmp_path):
    data = tmp_path / "run"
    _stacks_own(data)
    for _ in range(2):
        assert make_clean(data).returncode == 0
        assert not data.exists()


def test_make_clean_follows_no_link_to_a_stacks_folder(make_clean, tmp_path):
    _stacks_own(tmp_path / "run")
    before = _files(tmp_path / "run")
    (tmp_path / "link").symlink_to(tmp_path / "run")

    done = make_clean(tmp_path / "link")

    assert done.returncode != 0
    assert f"is a link to {tmp_path / 'run'}" in done.stderr
    assert _files(tmp_path / "run") == before


def test_make_clean_deletes_nothing_of_a_home_folder_that_was_taken_for_a_stacks(make_clean, tmp_path):
    _stacks_own(tmp_path)
    before = _files(tmp_path)

    done = make_clean(tmp_path, HOME=str(tmp_path / "me"))

    assert done.returncode != 0
    assert f"{tmp_path} holds the home folder" in done.stderr
    assert _files(tmp_path) == before


@pytest.mark.parametrize("given", ["/", str(Path.home()), str(CHECKOUT), str(CHECKOUT.parent)])
def test_neither_root_nor_home_nor_checkout_can_be_a_stacks(given):
    layout = _layout(Path(given).resolve())
    for refused in (lambda: folder.check_deletable(layout, Path(given)), lambda: folder.claim(layout)):
        with pytest.raises(StackError, match=r"(is|holds) the (home folder|checkout)"):
            refused()
    assert not layout.mark.exists()


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("supervisord.ini", "supervisor.rpcinterface_factory=infra.embedded.pids:follow"),
        ("stack.json", json.dumps({"servers": {"kafka": {"pid": 1}}})),
    ],
)
def test_a_folder_that_an_earlier_release_made_can_be_used_and_cleaned(make_clean, tmp_path, name, text):
    _fill(tmp_path, {**dict.fromkeys(OURS, "{}"), "thesis.txt": "years of work", name: text})
    folder.claim(_layout(tmp_path))
    _layout(tmp_path).mark.unlink()

    assert make_clean(tmp_path).returncode == 0

    assert _files(tmp_path) == {"thesis.txt": "years of work"}


@pytest.mark.parametrize("text", ['{"servers": []}', "[]", "{", "\udcff", '{"name": "of another program"}'])
def test_a_stack_json_of_another_program_makes_no_stack(tmp_path, text):
    (tmp_path / "stack.json").write_bytes(text.encode(errors="surrogateescape"))
    assert not folder.adopt(_layout(tmp_path))


@pytest.mark.parametrize("name", ["data/mine.csv", "logs/notes", "stack.json", "secrets.json", "programs/a", "lock"])
def test_up_changes_nothing_where_others_have_what_it_would_make(tmp_path, name):
    _fill(tmp_path, {name: "theirs"})

    stack = Stack(tmp_path, environ={})
    try:
        with pytest.raises(StackError, match=rf"{name.split('/')[0]}, which no stack made"):
            stack.up(servers=(), services=())
    finally:
        stack.down()

    assert _files(tmp_path) == {name: "theirs"}
    assert {path.name for path in tmp_path.iterdir()} == {name.split("/")[0]}


def test_a_stack_may_live_beside_others_files(tmp_path):
    _fill(tmp_path, {"thesis.txt": "years of work"})
    for _ in range(2):
        folder.claim(_layout(tmp_path))
    assert folder.delete(_layout(tmp_path)) == [tmp_path / "thesis.txt"]


def test_a_file_where_the_folder_should_be_is_refused(tmp_path):
    (tmp_path / "run").write_text("theirs")
    with pytest.raises(StackError, match="File exists"):
        folder.claim(_layout(tmp_path / "run"))
    with pytest.raises(StackError, match="no stack's folder"):
        folder.check_deletable(_layout(tmp_path / "run"), tmp_path / "run")


def test_what_a_link_in_the_folder_leads_to_stays(tmp_path):
    _fill(tmp_path / "disk", {"kafka/a": "theirs", "b": "theirs"})
    layout = _stacks_own(tmp_path / "run")
    shutil.rmtree(layout.data / "data")
    (layout.data / "data").symlink_to(tmp_path / "disk")
    (layout.data / "artifacts").symlink_to(tmp_path / "disk")

    assert folder.delete(layout) == [layout.data / "data"]

    assert _files(tmp_path / "disk") == {"kafka/a": "theirs", "b": "theirs"}


def test_what_cannot_be_deleted_is_named_and_the_folder_can_be_cleaned_again(tmp_path, monkeypatch):
    layout = _stacks_own(tmp_path)

    def refusing(path: Path) -> None:
        raise OSError(1, "Operation not permitted", str(path))

    with monkeypatch.context() as patched:
        patched.setattr(shutil, "rmtree", refusing)
        with pytest.raises(StackError, match=r"can't delete .*kafka \(Operation not permitted\)"):
            folder.delete(layout)
    assert not layout.stack_file.exists()
    assert folder.adopt(layout)
    assert folder.delete(layout) == []
    assert not tmp_path.exists()


def test_clean_waits_for_a_command_that_is_at_work(tmp_path):
    layout = _stacks_own(tmp_path / "run")
    with layout.mark.open("r+") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        cleaning = threading.Thread(target=Stack(layout.data, environ={}).clean)
        cleaning.start()
        cleaning.join(0.5)
        assert cleaning.is_alive()
        assert layout.stack_file.exists()
    cleaning.join(10)
    assert not layout.data.exists()


def test_what_waited_for_a_lock_that_was_deleted_meanwhile_does_not_hold_it(tmp_path):
    waits, entered = threading.Event(), threading.Event()
    path = tmp_path / "lock"

    def wait() -> None:
        with locked(path, on_wait=waits.set):
            entered.set()

    with locked(path):
        waiting = threading.Thread(target=wait)
        waiting.start()
        assert waits.wait(10)
        path.unlink()
        newer = os.open(path, os.O_RDWR | os.O_CREAT)
        fcntl.flock(newer, fcntl.LOCK_EX)
    assert not entered.wait(0.3)
    os.close(newer)
    waiting.join(10)
    assert entered.is_set()


def test_make_clean_where_nothing_is_installed_touches_no_stack_that_runs(tmp_path):
    layout = _stacks_own(tmp_path)
    command = [sys.executable, "-m", "infra.embedded.bare_clean"]
    with subprocess.Popen(["sleep", "60"], env={MARKER: layout.stack_id, "PATH": os.environ["PATH"]}) as running:
        done = subprocess.run(
            command, cwd=CHECKOUT, env={"MLP_RUN_FOLDER": str(tmp_path)}, capture_output=True, text=True, check=False
        )
        running.kill()
    assert (done.returncode, done.stderr) == (1, "error: stack: it still runs; `make setup`, and clean again\n")
    assert layout.stack_file.exists()


def test_every_servers_data_are_among_what_a_stack_makes(tmp_path):
    layout = _stacks_own(tmp_path / "run")
    for server in SERVERS:
        layout.of(server).mkdir(parents=True, exist_ok=True)
    assert folder.delete(layout) == []
