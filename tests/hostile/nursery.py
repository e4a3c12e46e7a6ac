"""From outside: a sandbox whose child forks a process a file, each of which its owner takes for a child of its own."""

import array
import contextlib
import json
import shutil
import socket
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from chassis.sandbox.command import child_command, child_environment
from chassis.sandbox.group import entering
from chassis.sandbox.process import ChildProcess, Hear
from chassis.sandbox.settings import SandboxSettings
from chassis.sandbox.watch import below

_CODE: Final = Path(__file__).parent / "forking.py"
_START: Final = "import sys, runpy; sys.path.insert(0, '/sandbox'); runpy.run_path({code!r})"
_START_S: Final = 60.0


class Nursery:
    """Files that are put into `folder` can be read in there. It is begun anew after whatever has ended it."""

    def __init__(self, settings: SandboxSettings, folder: Path, modules: Sequence[str]) -> None:
        self.settings, self.folder, self.began = settings, folder, 0
        self._modules = modules
        self._process: subprocess.Popen[bytes] | None = None
        self._turn = threading.RLock()
        folder.mkdir(mode=0o755, parents=True)
        shutil.copy(_CODE, folder / _CODE.name)

    def path_of(self, file: Path) -> str:
        """Where a file of `folder` is found in there."""
        return f"/sandbox/model/{self.folder.name}/{file.relative_to(self.folder)}"

    def child(
        self, settings: SandboxSettings, artifact: Path | None, hear: Hear, *, within_s: float | None = None
    ) -> ChildProcess:
        """Instead of a `ChildProcess`."""
        return _Forked(self, settings, artifact, hear, within_s=within_s)

    def ensure(self) -> None:
        """Begin, unless it runs. To be called from a thread that stays: a sandbox ends with the one that began it."""
        with self._turn:
            if self._process is None or self._process.poll() is not None:
                self._begin()

    def fork(self, descriptor: int, printed: int) -> "_ForkedProcess":
        with self._turn:
            answer = self._asked({"do": "fork"}, descriptor, printed)
            return _ForkedProcess(self, answer["pid"], self._outer_pid(answer["pid"]))

    def ended(self, pid: int, *, kill: bool) -> int | None:
        """How a process ended, or None."""
        with self._turn:
            return self._asked({"do": "end", "pid": pid, "kill": kill})["status"]

    def end(self) -> int:
        """Whatever runs in there. Returns how it ended."""
        with self._turn:
            if self._process is None:
                return 0
            self._link.close()
            self._process.kill()
            return self._process.wait()

    def processes(self) -> int:
        """How many run in there beside its own."""
        return len(list(below(self._process.pid))) - self._own if self._process else 0

    def _begin(self) -> None:
        self.end()
        self.began += 1
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._link.settimeout(_START_S)
        command = child_command(self.settings, self.folder, descriptor=theirs.fileno())
        at = command.index("-c", command.index(str(self.settings.python.absolute())))
        start = _START.format(code=self.path_of(self.folder / _CODE.name))
        command[at + 1 :] = [start, str(theirs.fileno()), *self._modules]
        with theirs:
            self._process = subprocess.Popen(
                entering(command, None),
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                env=child_environment(),
                cwd="/",
            )
        self._link.recv(64)
        self._own = len(list(below(self._process.pid)))

    def _asked(self, header: dict[str, Any], *descriptors: int) -> dict[str, Any]:
        """Where there is nobody to answer any more, all in there have ended."""
        try:
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", descriptors))] if descriptors else []
            self._link.sendmsg([json.dumps(header).encode()], rights)
            raw = self._link.recv(4096)
        except OSError:
            raw = b""
        return json.loads(raw) if raw else {"pid": 0, "status": self.end()}

    def _outer_pid(self, inner: int) -> int:
        assert self._process is not None
        for pid in below(self._process.pid):
            with contextlib.suppress(OSError):
                for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                    if line.startswith("NSpid:") and line.split()[-1] == str(inner):
                        return pid
        return self._process.pid


class _Forked(ChildProcess):
    def __init__(
        self,
        nursery: Nursery,
        settings: SandboxSettings,
        artifact: Path | None,
        hear: Hear,
        *,
        within_s: float | None = None,
    ) -> None:
        self._nursery = nursery
        super().__init__(settings, artifact, hear, within_s=within_s)

    def _begun(self, settings: SandboxSettings, artifact: Path | None, descriptor: int, printed: int) -> Any:
        return self._nursery.fork(descriptor, printed)


class _ForkedProcess:
    """As much of `subprocess.Popen` as a `ChildProcess` needs."""

    def __init__(self, nursery: Nursery, inner: int, pid: int) -> None:
        self._nursery, self._inner, self.pid = nursery, inner, pid
        self._status: int | None = None

    def poll(self) -> int | None:
        if self._status is None:
            self._status = self._nursery.ended(self._inner, kill=False)
        return self._status

    def kill(self) -> None:
        if self._status is None:
            self._status = self._nursery.ended(self._inner, kill=True)

    def wait(self) -> int | None:
        self.kill()
        return self._status
