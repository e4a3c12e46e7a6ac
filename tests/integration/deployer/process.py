"""A deployer as a process of its own, which a test may kill."""

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
_START_S = 60
_STOP_S = 30


class DeployerProcess:
    """`python -m services.deployer`."""

    def __init__(self, environment: Mapping[str, str], log: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self._port = free.getsockname()[1]
        self._log = log
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "services.deployer"],
                cwd=ROOT,
                env={**environment, "MLP_HTTP_PORT": str(self._port)},
                stdout=output,
                stderr=output,
            )

    def await_ready(self) -> None:
        deadline = time.monotonic() + _START_S
        while not self._is_ready():
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < deadline, self._log.read_text()
            time.sleep(0.1)

    def kill(self) -> None:
        """As the machine would: no farewell."""
        self._process.kill()
        self._process.wait()

    def stop(self) -> int:
        """Ask it to end; its exit code."""
        self._process.terminate()
        try:
            return self._process.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def _is_ready(self) -> bool:
        try:
            urllib.request.urlopen(f"http://127.0.0.1:{self._port}/health/ready", timeout=5).close()
        except OSError:
            return False
        return True
