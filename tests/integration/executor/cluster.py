"""A standalone Spark cluster on this machine, made of the wheel's own classes: a master and workers as processes.

Who doesn't know its secret is not let in, and what its members say to one another is encrypted.
"""

import contextlib
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import httpx
import psutil
import pyspark

from infra.embedded.ports import HOST, Ports

_SPARK_CLASS: Final = Path(pyspark.__file__).parent / "bin" / "spark-class"
_DEPLOY: Final = "org.apache.spark.deploy"
_ENVIRONMENT: Final = {
    "SPARK_LOCAL_IP": HOST,
    "SPARK_DAEMON_MEMORY": "192m",
    "SPARK_DAEMON_JAVA_OPTS": "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
    " -Dspark.authenticate=true -Dspark.network.crypto.enabled=true",
    "PYSPARK_PYTHON": sys.executable,
}
_START_S: Final = 90.0


class Cluster:
    """One core and a gigabyte a worker. What it started ends with it."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.secret = secrets.token_hex(16)
        ports = Ports(folder / "ports.json", {})
        self._port, self._page_port = ports.get("spark-master"), ports.get("spark-master-page")
        self._master: subprocess.Popen[bytes] | None = None
        self.workers: list[subprocess.Popen[bytes]] = []
        self._ended: set[int] = set()

    def start(self, *, workers: int) -> None:
        self.start_master()
        for number in range(workers):
            self.workers.append(self._start_worker(number))
        _eventually(lambda: self._workers_alive() == workers, "the workers don't register")

    @property
    def url(self) -> str:
        return f"spark://{HOST}:{self._port}"

    def state(self) -> dict[str, Any] | None:
        """What the master says of itself; None where it doesn't."""
        with contextlib.suppress(httpx.HTTPError):
            return httpx.get(f"http://{HOST}:{self._page_port}/json/", timeout=5, trust_env=False).json()
        return None

    def apps(self) -> int:
        """Applications that hold or want a share."""
        state = self.state()
        return len(state["activeapps"]) if state else -1

    def start_master(self) -> None:
        """One that knows nothing of those before it."""
        options = {"--host": HOST, "--port": str(self._port), "--webui-port": str(self._page_port)}
        self._master = self._start("master.Master", "master", options)
        _eventually(self.state, "the master does not answer")

    def kill_master(self) -> None:
        if self._master is not None:
            _kill(self._master)

    def start_again(self, worker: int) -> None:
        """A worker in the place of one that was killed."""
        self._ended.add(self.workers[worker].pid)
        self.workers[worker].wait(10)
        self.workers[worker] = self._start_worker(worker)

    def started_by(self, worker: int) -> list[psutil.Process]:
        return [each for each in self._started() if _session(each) == self.workers[worker].pid]

    def executors(self) -> list[psutil.Process]:
        """The JVMs of Spark executors."""
        return [each for each in self._started() if _says(each, "CoarseGrainedExecutorBackend")]

    def daemons(self) -> list[psutil.Process]:
        """Python daemons and, forked from them, Python workers."""
        return [each for each in self._started() if _says(each, "scoring.daemon")]

    def python_workers(self) -> list[psutil.Process]:
        daemons = {each.pid for each in self.daemons()}
        return [each for each in self.daemons() if _parent(each) in daemons]

    def children(self, digest: str = "") -> list[psutil.Process]:
        """What encloses the code of models, or of the one with this digest."""
        return [each for each in self._started() if _says(each, "bwrap --die-with-parent") and _says(each, digest)]

    def busy_s(self) -> float:
        """Seconds that processors have given to what the workers started and what still runs, sandboxes included."""
        started = self._started()
        return sum(_busy_s(each) for each in {*started, *(below for each in started for below in _below(each))})

    def end(self) -> None:
        for process in self.workers:
            _kill(process)
        self.kill_master()
        for process in self._started():
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()

    def _started(self) -> list[psutil.Process]:
        """What the workers started, directly or not, also what has lost its worker: it stays in that one's session."""
        sessions = {worker.pid for worker in self.workers} | self._ended
        return [each for each in psutil.process_iter() if each.pid not in sessions and _session(each) in sessions]

    def _start_worker(self, number: int) -> subprocess.Popen[bytes]:
        options = {"--host": HOST, "--port": "0", "--webui-port": "0", "--cores": "1", "--memory": "1g"}
        options["--work-dir"] = str(self._folder / f"worker-{number}")
        return self._start("worker.Worker", f"worker-{number}", options, self.url)

    def _workers_alive(self) -> int:
        state = self.state()
        return state["aliveworkers"] if state else -1

    def _start(self, name: str, log: str, options: Mapping[str, str], *arguments: str) -> subprocess.Popen[bytes]:
        environment = {key: value for key, value in os.environ.items() if not key.startswith("MLP_")}
        environment |= {**_ENVIRONMENT, "_SPARK_AUTH_SECRET": self.secret}
        said = [word for option in options.items() for word in option]
        with (self._folder / f"{log}.log").open("ab") as sink:
            return subprocess.Popen(
                [_SPARK_CLASS, f"{_DEPLOY}.{name}", *said, *arguments],
                cwd=self._folder,
                env=environment,
                stdout=sink,
                stderr=sink,
                start_new_session=True,
            )


@contextmanager
def clustered(folder: Path, *, workers: int = 2) -> Iterator[Cluster]:
    cluster = Cluster(folder)
    try:
        cluster.start(workers=workers)
        yield cluster
    finally:
        cluster.end()


def _kill(process: subprocess.Popen[bytes]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait(10)


def _eventually(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + _START_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


def _says(process: psutil.Process, words: str) -> bool:
    with contextlib.suppress(psutil.Error):
        return words in " ".join(process.cmdline())
    return False


def _below(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return process.children(recursive=True)
    return []


def _busy_s(process: psutil.Process) -> float:
    with contextlib.suppress(psutil.Error):
        return sum(process.cpu_times()[:2])
    return 0.0


def _parent(process: psutil.Process) -> int:
    with contextlib.suppress(psutil.Error):
        return process.ppid()
    return 0


def _session(process: psutil.Process) -> int:
    with contextlib.suppress(OSError):
        return os.getsid(process.pid)
    return 0
