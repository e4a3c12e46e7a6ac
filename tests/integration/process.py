"""Services as processes of their own, which a test may kill, freeze and ask to end."""

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from infra.embedded.layout import CHECKOUT

_START_S: Final = 120
_STOP_S: Final = 40


class ServiceProcess:
    """`python -m <module>`; `services.<name>` has its own way to be asked for below."""

    def __init__(self, module: str, environment: Mapping[str, str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._log = log
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", module],
                cwd=CHECKOUT,
                env={**environment, "MLP_HTTP_PORT": str(self._port)},
                stdout=sink,
                stderr=sink,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def has_ended(self) -> bool:
        return self._process.poll() is not None

    def await_ready(self) -> None:
        """Return once the service says that it is ready."""
        deadline = time.monotonic() + _START_S
        while not self._is_ready():
            assert self._process.poll() is None, f"it ended: {self.said()}"
            assert time.monotonic() < deadline, f"it didn't get ready: {self.said()}"
            time.sleep(0.1)

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def await_end(self, *, within_s: float) -> int:
        """Wait until it has ended by itself; its exit code."""
        return self._process.wait(within_s)

    def freeze(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def thaw(self) -> None:
        """Does nothing to one that runs or has ended."""
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """As the machine would: no farewell."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self.thaw()
        self._process.terminate()
        try:
            return self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            return self._process.returncode

    def _is_ready(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health/ready", timeout=8).close()
        except OSError:
            return False
        return True

    def said(self) -> str:
        """The end of its log."""
        return self._log.read_text(errors="replace")[-8000:]


StartService = Callable[[], ServiceProcess]


@contextmanager
def starting(
    name: str, environment: Mapping[str, str], folder: Path, *, module: str | None = None
) -> Iterator[StartService]:
    """Starts processes of one service, or of `module` in its place, which end with the block."""
    started: list[ServiceProcess] = []

    def start() -> ServiceProcess:
        log = folder / f"{name}-{len(started)}.log"
        started.append(ServiceProcess(module or f"services.{name}", environment, log))
        return started[-1]

    try:
        yield start
    finally:
        for each in started:
            each.stop()


@contextmanager
def serving(name: str, environment: Mapping[str, str], folder: Path) -> Iterator[ServiceProcess]:
    """One process, ready at the beginning of the block, which ends well at its end."""
    process = ServiceProcess(f"services.{name}", environment, folder / f"{name}.log")
    try:
        process.await_ready()
        yield process
    finally:
        code = process.stop()
    assert code == 0
