"""A control group of the kernel's for one sandbox: its processes' memory and number have limits together, not each.

Version 2 of control groups, or version 1, whose controllers have a hierarchy each. A group is made below the one that
this process is in, or beside it, where that may be (as root, or in a part that systemd has delegated); elsewhere there
is none, and `Watch` looks at the sum.
"""

import contextlib
import os
import signal
import subprocess
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

_NAME: Final = "mlp-sandbox"
_ENCLOSING: Final = 8
"""Processes that hold a sandbox, beside those that its own limit allows."""
_END_S: Final = 2.0
_PAUSE_S: Final = 0.01
FIRST_TO_GO: Final = "1000"
"""As `oom_score_adj`: the highest there is."""
_ENTER: Final = (
    f"echo {FIRST_TO_GO} > /proc/self/oom_score_adj;"
    ' while [ "$1" != -- ]; do echo 0 > "$1" || exit 125; shift; done;'
    ' shift; exec "$@"'
)


@dataclass(frozen=True)
class Hierarchies:
    """Folders in which groups can be made, by controller: of version 2 one and the same."""

    version: int
    memory: Path
    pids: Path

    @property
    def folders(self) -> tuple[Path, ...]:
        return tuple(dict.fromkeys((self.memory, self.pids)))


class Group:
    """Made empty; what enters it can't leave it. Sizes are in bytes."""

    def __init__(self, hierarchies: Hierarchies, *, memory_bytes: int, processes: int) -> None:
        """Raises: OSError, where it may not be made."""
        name = f"{_NAME}-{os.getpid()}-{uuid.uuid4().hex[:12]}"
        self._version = hierarchies.version
        self._memory, self._pids = hierarchies.memory / name, hierarchies.pids / name
        self.folders = tuple(folder / name for folder in hierarchies.folders)
        try:
            for folder in self.folders:
                folder.mkdir()
            for file, value in self._limits(memory_bytes, processes).items():
                _set(file, value)
        except OSError:
            self.end()
            raise

    @property
    def is_overrun(self) -> bool:
        """Whether the kernel has ended a process in it, for there was no memory left to it."""
        file = self._memory / ("memory.events" if self._version > 1 else "memory.oom_control")
        with contextlib.suppress(OSError):
            return any(line.split()[0] == "oom_kill" and line.split()[1] != "0" for line in _lines(file))
        return False

    @property
    def shared_bytes(self) -> int | None:
        """Of files in memory, whoever has them open or mapped, and in its `/tmp`; None where the kernel doesn't say."""
        told = (line.split() for line in _lines(self._memory / "memory.stat"))
        return next((int(value) for name, value in told if name == "shmem"), None)

    def kill(self) -> None:
        """Whatever is in it, at once."""
        with contextlib.suppress(OSError):
            if self._version > 1:
                _set(self._memory / "cgroup.kill", 1)
                return
            # Nothing is started any more while they are ended one after another.
            _set(self._pids / "pids.max", 0)
            for pid in _lines(self._pids / "cgroup.procs"):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(pid), signal.SIGKILL)

    def end(self) -> None:
        """End all that is in it, and remove it."""
        deadline = time.monotonic() + _END_S
        while not _removed(self.folders) and time.monotonic() < deadline:
            self.kill()
            time.sleep(_PAUSE_S)

    def _limits(self, memory_bytes: int, processes: int) -> Mapping[Path, int]:
        pids = {self._pids / "pids.max": processes + _ENCLOSING}
        if self._version > 1:
            return {
                **pids,
                self._memory / "memory.max": memory_bytes,
                self._memory / "memory.oom.group": 1,
                **_there({self._memory / "memory.swap.max": 0}),
            }
        limits = {**pids, self._memory / "memory.limit_in_bytes": memory_bytes}
        return {**limits, **_there({self._memory / "memory.memsw.limit_in_bytes": memory_bytes})}


def new_group(*, memory_bytes: int, processes: int) -> Group | None:
    """None where none can be made."""
    hierarchies = found()
    if hierarchies is None:
        return None
    with contextlib.suppress(OSError):
        return Group(hierarchies, memory_bytes=memory_bytes, processes=processes)
    return None


def entering(command: Sequence[str], group: Group | None) -> list[str]:
    """The same command, which enters the group first; when the machine has no memory left, it is the first to go."""
    files = [str(folder / "cgroup.procs") for folder in group.folders] if group else []
    return ["/bin/sh", "-c", _ENTER, "sh", *files, "--", *command]


@cache
def found() -> Hierarchies | None:
    """Where groups can be made, tried out; what processes that were killed have left there is removed."""
    for hierarchies in _candidates():
        with contextlib.suppress(OSError, subprocess.SubprocessError):
            group = Group(hierarchies, memory_bytes=64 << 20, processes=2)
            try:
                subprocess.run(entering(["true"], group), check=True, capture_output=True, timeout=10)
            finally:
                group.end()
            _sweep(hierarchies)
            return hierarchies
    return None


def held_by() -> str:
    """For people: what holds the sum of a sandbox's memory here."""
    hierarchies = found()
    return f"control groups, version {hierarchies.version}" if hierarchies else "a watch on the sum"


def _candidates() -> Iterator[Hierarchies]:
    """Below this process' own group, and beside it."""
    own = dict[str, str]()
    for line in _lines(Path("/proc/self/cgroup")):
        _, controllers, path = line.split(":", 2)
        own |= dict.fromkeys(controllers.split(","), path)
    mounted = dict[str, Path]()
    for line in _lines(Path("/proc/self/mountinfo")):
        fields = line.split()
        kind, _, options = fields[fields.index("-") + 1 :]
        if kind == "cgroup2":
            mounted[""] = Path(fields[4])
        elif kind == "cgroup":
            mounted |= dict.fromkeys(options.split(","), Path(fields[4]))
    inside = {name: mounted[name] / path.lstrip("/") for name, path in own.items() if name in mounted}
    if "" in inside:
        beside = [inside[""].parent] if inside[""] != mounted[""] else []
        yield from (Hierarchies(2, folder, folder) for folder in (inside[""], *beside))
    if "memory" in inside and "pids" in inside:
        yield Hierarchies(1, inside["memory"], inside["pids"])


def _sweep(hierarchies: Hierarchies) -> None:
    for folder in hierarchies.folders:
        for left in folder.glob(f"{_NAME}-*"):
            owner = left.name.removeprefix(f"{_NAME}-").partition("-")[0]
            if not Path("/proc", owner).exists():
                _removed([left])


def _removed(folders: Sequence[Path]) -> bool:
    for folder in folders:
        with contextlib.suppress(FileNotFoundError):
            try:
                folder.rmdir()
            except OSError:
                return False
    return True


def _set(file: Path, value: int) -> None:
    """Raises: OSError: the kernel has no such file there, or doesn't take the value."""
    with file.open("r+") as opened:
        opened.write(str(value))


def _there(limits: Mapping[Path, int]) -> Mapping[Path, int]:
    return {file: value for file, value in limits.items() if file.exists()}


def _lines(file: Path) -> list[str]:
    try:
        return file.read_text().splitlines()
    except OSError:
        return []
