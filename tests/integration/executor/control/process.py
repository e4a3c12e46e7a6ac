"""An executor as a process of its own, which a test may kill."""

import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[4]
_START_S = 120
_STOP_S = 40


class ExecutorProcess:
    """`python -m services.executor`."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self.log = log
        with log.open("ab") as sink:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.executor"],
                cwd=ROOT,
                env={**environment, "MLP_HTTP_PORT": str(self._port)},
                stdout=sink,
                stderr=sink,
            )

    @property
    def pid(self) -> int:
        return self._process.pid

    def await_ready(self) -> None:
        """Return once the service, its driver included, says that it is ready."""
        deadline = time.monotonic() + _START_S
        while not self._is_ready():
            assert self._process.poll() is None, f"the executor ended: {self.log.read_text()[-2000:]}"
            assert time.monotonic() < deadline, f"the executor didn't get ready: {self.log.read_text()[-2000:]}"
            time.sleep(0.2)

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
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        return self._process.returncode

    def _is_ready(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health/ready", timeout=8).close()
        except OSError:
            return False
        return True
