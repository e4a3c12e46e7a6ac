"""What holds a sandbox's processes together: a group of the kernel's where one may be made, else a watch."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from chassis.sandbox import group, process
from chassis.sandbox.command import artifact_path
from chassis.sandbox.errors import ChildDied, ChildFailed
from chassis.sandbox.group import Hierarchies, entering, found, new_group
from chassis.sandbox.process import ChildProcess
from chassis.sandbox.settings import SandboxSettings
from chassis.sandbox.watch import below

MIB = 1 << 20
SETTINGS = SandboxSettings(memory_bytes=1 << 30)
grouped = pytest.mark.skipif(found() is None, reason="no control group may be made here")

FORKS = "[os.fork() or (bytearray(b'x') * (400 << 20), time.sleep(60)) for _ in range(3)]"
FILLED = "(lambda m: ([m.write(b'x' * (1 << 20)) for _ in range(400)], time.sleep(60)))(mmap.mmap(-1, 400 << 20))"
SHARED = f"[os.fork() or ({FILLED}) for _ in range(3)]"
FILES = "[os.write(f, bytes(64 << 20)) for f in map(os.memfd_create, 'abc') for _ in range(8)]"
TOGETHER = "[open('/tmp/x', 'wb').write(b'x' * (200 << 20)), b'x' * (400 << 20), FILES]".replace("FILES", FILES)


@contextlib.contextmanager
def loading(tmp_path: Path, does: str, *, settings: SandboxSettings = SETTINGS, said=None):
    """A child that is asked to load a model which does that first."""
    file = tmp_path / "model.py"
    text = f"import mmap, os, sys, time\n\ndef load(path):\n    {does}\n\ndef predict(model, batch): ...\n"
    file.write_text(text)
    file.chmod(0o644)
    tmp_path.chmod(0o755)
    task = {"path": artifact_path(settings, file), "format": "python", "entrypoint": None, "params": {}, "inputs": [],
            "outputs": [], "text": False}  # fmt: skip
    child = ChildProcess(settings, file, (said if said is not None else []).append)
    try:
        child.ask({"op": "load"}, memoryview(json.dumps(task).encode()))
        yield child
    finally:
        child.close()


def gone(pid) -> bool:
    """Or waits for somebody who asks how it ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    return True


def ends(pids) -> bool:
    deadline = time.monotonic() + 2
    while not all(map(gone, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    return all(map(gone, pids))


def groups() -> list[Path]:
    hierarchies = found()
    folders = hierarchies.folders if hierarchies else ()
    return [each for folder in folders for each in folder.glob(f"mlp-sandbox-{os.getpid()}-*")]


@pytest.mark.parametrize("taking", [FORKS, SHARED, FILES], ids=["forks", "shared", "files in memory"])
def test_processes_together_take_no_more_than_one_may(tmp_path, holder, taking):
    with loading(tmp_path, f"{taking}, time.sleep(60)") as child:
        inside = [child.pid, *below(child.pid)]
        with pytest.raises(ChildDied) as caught:
            child.answer()

    assert "together held more than 1024 MB" in str(caught.value)
    assert not caught.value.lost
    assert ends(inside)
    assert groups() == []


@grouped
def test_files_in_tmp_count_too_where_the_kernel_counts(tmp_path):
    with loading(tmp_path, f"{TOGETHER}, time.sleep(60)") as child, pytest.raises(ChildDied, match="together held"):
        child.answer()


@grouped
def test_what_is_read_from_disk_is_nobodys_fault(tmp_path):
    """The kernel counts a file's pages, too, and takes them back instead of ending anybody."""
    with (tmp_path / "large").open("wb") as large:
        for _ in range(16):
            large.write(os.urandom(16 * MIB))
    made = new_group(memory_bytes=128 * MIB, processes=4)
    try:
        subprocess.run(entering(["cat", str(tmp_path / "large")], made), stdout=subprocess.DEVNULL, check=True)
        assert not made.is_overrun
    finally:
        made.end()


@grouped
def test_there_are_no_more_processes_than_may_be(tmp_path):
    made = new_group(memory_bytes=256 * MIB, processes=4)
    count = (
        "import os, time\nn = 0\ntry:\n while n < 100:\n  os.fork() or time.sleep(30); n += 1\n"
        "except BlockingIOError:\n print(n)\n"
    )
    try:
        with subprocess.Popen(entering([sys.executable, "-c", count], made), stdout=subprocess.PIPE) as running:
            assert int(running.stdout.readline()) < 4 + 8
            made.kill()
        assert running.returncode == -signal.SIGKILL
    finally:
        made.end()
    assert not any(folder.exists() for folder in made.folders)


@grouped
def test_all_that_a_group_holds_is_ended_whatever_it_does_meanwhile():
    """Also processes that have left their parent, which start others all the time."""
    made = new_group(memory_bytes=512 * MIB, processes=64)
    bomb = "import os\nos.setsid()\nwhile True:\n try:\n  os.fork()\n except OSError: pass\n"
    with subprocess.Popen(entering([sys.executable, "-c", bomb], made)):
        time.sleep(0.5)
        began = time.monotonic()
        made.end()
    assert time.monotonic() - began < 2
    assert not any(folder.exists() for folder in made.folders)


@grouped
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    make = "from chassis.sandbox.group import new_group; print(*new_group(memory_bytes=1 << 27, processes=2).folders)"
    left = subprocess.run([sys.executable, "-c", make], capture_output=True, text=True, check=True).stdout.split()
    assert all(Path(folder).is_dir() for folder in left)

    subprocess.run([sys.executable, "-c", "from chassis.sandbox import group; group.found()"], check=True)

    assert not any(Path(folder).exists() for folder in left)


def test_a_folder_that_is_no_control_group_is_not_taken_for_one(tmp_path):
    for version in (1, 2):
        with pytest.raises(OSError, match="No such file"):
            group.Group(Hierarchies(version, tmp_path, tmp_path), memory_bytes=1 << 27, processes=2)


def test_a_child_that_can_not_be_begun_leaves_no_group(tmp_path, monkeypatch):
    def failing(*_, **__):
        raise OSError("no more processes")

    monkeypatch.setattr(process.subprocess, "Popen", failing)
    with pytest.raises(OSError, match="no more"):
        ChildProcess(SETTINGS, None, lambda _: None)
    assert groups() == []


def test_sandboxes_go_first_when_the_machine_has_no_memory_left(tmp_path, holder):
    said = []
    tried = (
        "(os.fork() or time.sleep(20)), print(open('/proc/self/oom_score_adj').read().strip()),"
        " os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'-500')"
    )
    with loading(tmp_path, tried, said=said) as child:
        with pytest.raises(ChildFailed, match="PermissionError"):
            child.answer()
        inside = [child.pid, *below(child.pid)]
        scores = {int(Path(f"/proc/{pid}/oom_score_adj").read_text()) for pid in inside}
    assert said == ["1000"]
    assert len(inside) > 3
    assert scores == {1000}
    assert int(Path("/proc/self/oom_score_adj").read_text()) < 1000


def test_a_model_can_not_put_itself_behind_others_for_long(tmp_path):
    """Where the platform has the right (CAP_SYS_RESOURCE) it can't at all."""
    said = []
    trying = "os.write(os.open('/proc/self/oom_score_adj', os.O_WRONLY), b'0')"
    lowering = f"""try:
        {trying}
    except PermissionError:
        pass
    time.sleep(1)
    print(open('/proc/self/oom_score_adj').read().strip())"""
    with loading(tmp_path, lowering, said=said) as child:
        child.answer()
    assert said == ["1000"]
