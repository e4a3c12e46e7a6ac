"""One sandboxed child from its parent's side: started, asked, listened to, ended."""

import contextlib
import fcntl
import os
import select
import socket
import subprocess
import time
from collections import deque
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, Final

from chassis.sandbox.child import wire
from chassis.sandbox.command import KILLED, child_command, child_environment
from chassis.sandbox.errors import ChildDied, ChildFailed, ChildGarbled
from chassis.sandbox.group import Group, entering, new_group
from chassis.sandbox.held import Held, held
from chassis.sandbox.output_lines import OutputLines
from chassis.sandbox.settings import SandboxSettings
from chassis.sandbox.shared_memory import SharedMemory
from chassis.sandbox.watch import Watch

Hear = Callable[[str], None]
"""Is given the lines that the child prints."""
_END_S: Final = 2.0
_SHOWN: Final = 8
"""The last memories that were shown, more than a child keeps mapped (`wire.Mappings`)."""
_PIPE_BYTES, _READ_BYTES = 1 << 20, 64 * 1024
_LAST_READS = 2 * _PIPE_BYTES // _READ_BYTES


class ChildProcess:
    """Its answers are a stranger's: nothing of them is believed unchecked.

    Args:
        settings: how it is held.
        artifact: a file or folder that it may read, at `artifact_path`; None: nothing of anybody's.
        hear: is given what it prints.
        within_s: its answers may take so long together; None: whoever asks sees to that.
    """

    _group: Group | None = None

    def __init__(
        self, settings: SandboxSettings, artifact: Path | None, hear: Hear, *, within_s: float | None = None
    ) -> None:
        self.hear = hear
        self.began = time.monotonic()
        self._said, self._lines = _Pipe(), OutputLines()
        self._shown = deque[int](maxlen=_SHOWN)
        self._link, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs, self._said.their_end() as printed:
            self._process = self._begun(settings, artifact, theirs.fileno(), printed)
        self._watch = Watch(self._process.pid, settings.memory_bytes, self.kill, self._group, within_s=within_s)

    def _begun(
        self, settings: SandboxSettings, artifact: Path | None, descriptor: int, printed: int
    ) -> "subprocess.Popen[bytes]":
        """With its end of the socket as `descriptor`, and what it prints going to `printed`."""
        command = child_command(settings, artifact, descriptor=descriptor)
        self._group = new_group(memory_bytes=settings.memory_bytes, processes=settings.processes)
        try:
            return subprocess.Popen(
                entering(command, self._group),
                pass_fds=[descriptor],
                stdin=subprocess.DEVNULL,
                stdout=printed,
                stderr=printed,
                env=child_environment(),
                cwd="/",
            )
        except BaseException:
            if self._group is not None:
                self._group.end()
            raise

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    @property
    def pid(self) -> int:
        """Of what encloses it."""
        return self._process.pid

    def forget_words(self) -> None:
        """What it has printed since its last answer belongs to no one: its next job may be another's."""
        for _ in range(_LAST_READS):
            if not self._said.read():
                break
        self._lines = OutputLines()

    def ask(self, header: dict[str, Any], *pieces: memoryview) -> None:
        """Send a message. Raises `ChildDied`."""
        self._watch.asked = True
        with self._reached():
            wire.send(self._link, header, pieces)

    def ask_shared(self, header: dict[str, Any], memory: SharedMemory, sizes: tuple[int, ...]) -> None:
        """Send pieces of these sizes from `memory`, which must hold them until the answer. Raises `ChildDied`."""
        self._watch.asked = True
        if memory.file in self._shown:
            self._shown.remove(memory.file)
        self._shown.append(memory.file)
        with self._reached():
            wire.send_shared(self._link, header, memory.descriptor, memory.number, sizes)

    def kill(self) -> None:
        """May be called from another thread."""
        if self._group is not None:
            self._group.kill()
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()

    def rest(self) -> None:
        """Nothing is asked any more for now: what still works in there has no reason to."""
        self._watch.asked = False

    def held(self) -> Held:
        """By it and all that it has started, without what it was shown."""
        return held(self._process.pid, group=self._group, shown=self._shown)

    def close(self) -> None:
        self._watch.stop()
        self._link.close()
        self.kill()
        self._process.wait()
        if self._group is not None:
            self._group.end()
        self._said.close()

    @contextlib.contextmanager
    def _reached(self) -> Generator[None]:
        try:
            yield
        except (BrokenPipeError, ConnectionError) as error:
            raise self._died() from error

    def answer(self) -> tuple[dict[str, Any], list[memoryview]]:
        """The answer to the oldest message. Raises `ChildDied`, `ChildFailed`, `ChildGarbled`."""
        try:
            with self._watch.waiting():
                self._listen_until_answered()
                header, pieces = wire.receive(self._link)
        except (EOFError, ConnectionError) as error:
            raise self._died() from error
        except ValueError as error:
            raise ChildGarbled(str(error)) from error
        if header.get("ok") is not True:
            raise ChildFailed(header)
        return header, pieces

    def _listen_until_answered(self) -> None:
        """A child that prints is heard whenever its answer is waited for; till then the pipe holds what it says."""
        poll = select.poll()
        poll.register(self._link, select.POLLIN)
        if self._said.open:
            poll.register(self._said.end, select.POLLIN)
        while True:
            ready = [descriptor for descriptor, _ in poll.poll()]
            if self._said.end in ready:
                self._listen()
                if not self._said.open:
                    poll.unregister(self._said.end)
            if self._link.fileno() in ready:
                return

    def _listen(self) -> bool:
        """Pass on what it has printed, up to a limit. Returns whether there was something."""
        data = self._said.read()
        for line in self._lines.take(data):
            self.hear(line)
        return bool(data)

    def _died(self) -> ChildDied:
        deadline = time.monotonic() + _END_S
        while self.alive and time.monotonic() < deadline:
            time.sleep(0.01)
        for _ in range(_LAST_READS):
            if not self._listen():
                break
        for line in self._lines.end():
            self.hear(line)
        status = self._process.poll()
        reason = self._watch.reason
        return ChildDied(reason or _how(status), lost=status in KILLED and reason is None)


class _Pipe:
    """What a child prints: read without waiting; a child that says too much at once waits."""

    def __init__(self) -> None:
        self.end, self._theirs = os.pipe2(os.O_CLOEXEC)
        os.set_blocking(self.end, False)
        self.open = True
        with contextlib.suppress(OSError):
            fcntl.fcntl(self.end, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)

    @contextlib.contextmanager
    def their_end(self) -> Generator[int]:
        try:
            yield self._theirs
        finally:
            os.close(self._theirs)

    def read(self) -> bytes:
        """Empty when there is nothing now; at the end `open` is false, too."""
        if self.end < 0:
            return b""
        try:
            data = os.read(self.end, _READ_BYTES)
        except BlockingIOError:
            return b""
        self.open = bool(data)
        return data

    def close(self) -> None:
        self.open = False
        if self.end >= 0:
            os.close(self.end)
            self.end = -1


def _how(status: int | None) -> str:
    if status is None:
        return "still running, its socket closed"
    signal = -status if status < 0 else status - 128
    return f"signal {signal}" if 0 < signal < 65 else f"exit status {status}"  # noqa: PLR2004
