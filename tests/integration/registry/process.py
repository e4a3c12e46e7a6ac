"""A registry as a process of its own, which a test may kill."""

import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_START_S = 60
_STOP_S = 30


class RegistryProcess:
    """`python -m services.registry`."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._log = log.open("ab")
        self._process = subprocess.Popen(
            [sys.executable, "-m", "services.registry"],
            cwd=ROOT,
            env={**environment, "MLP_HTTP_PORT": str(self._port)},
            stdout=self._log,
            stderr=self._log,
        )

    def await_ready(self) -> None:
        """Return once the service says that it is ready."""
        deadline = time.monotonic() + _START_S
        while not self._is_ready():
            assert self._process.poll() is None, f"the registry ended; see {self._log.name}"
            assert time.monotonic() < deadline, f"the registry didn't get ready; see {self._log.name}"
            time.sleep(0.1)

    def kill(self) -> None:
        """As the machine would: no farewell."""
        self._process.kill()
        self._process.wait()
        self._log.close()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                self.kill()
        self._log.close()
        return self._process.returncode

    def _is_ready(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health/ready", timeout=5).close()
        except OSError:
            return False
        return True
