"""The platform on servers of its own, seen as processes that may be killed, frozen and asked to end."""

import json
import os
import shutil
import signal
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import psutil

from infra.embedded.errors import NotReady
from infra.embedded.stack import Stack
from infra.embedded.stackfile import program_name

READY_S: Final = 120.0
_POLL_S: Final = 0.1
_PROBE_S: Final = 8.0

# Two of each service on two cores, with sessions short enough for a test to sit out. The stories' parquet is small
# enough for drivers themselves, their CSV is Spark's.
TWO_OF_EACH: Final[Mapping[str, str]] = {
    "MLP_REGISTRY_INSTANCES": "2",
    "MLP_DEPLOYER_INSTANCES": "2",
    "MLP_EXECUTOR_INSTANCES": "2",
    "MLP_METRICS_INSTANCES": "2",
    "MLP_SPARK_MASTER": "local[1,4]",
    "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000",
    "MLP_SCORING_SMALL_BYTES": "9000",
}


class NotInTime(AssertionError):
    """Something that was waited for did not happen."""


def await_true(holds: Callable[[], bool], *, within_s: float, what: str) -> float:
    """Wait until it holds; the seconds that took.

    Raises:
        NotInTime: it didn't, within `within_s`.
    """
    begun = time.monotonic()
    while not holds():
        if time.monotonic() - begun > within_s:
            raise NotInTime(f"{what}: not within {within_s:.0f} s")
        time.sleep(_POLL_S)
    return time.monotonic() - begun


@dataclass(frozen=True)
class Platform:
    """A running stack. Programs have the supervisor's names: `kafka`, `registry`, `registry-2`, …"""

    stack: Stack

    @property
    def connections(self) -> dict[str, Any]:
        """What `stack.json` says now."""
        return self.stack.connections()

    @property
    def servers(self) -> list[str]:
        return sorted(self.connections["servers"])

    @property
    def services(self) -> list[str]:
        """Every instance of every service."""
        return sorted(self._instances())

    def pid(self, program: str) -> int | None:
        """The program's present process; None while the supervisor is starting it again."""
        entry = self.connections["servers"].get(program) or self._instances().get(program, {})
        pid = entry.get("pid")
        return pid if pid is not None and psutil.pid_exists(pid) else None

    def kill(self, program: str) -> int | None:
        """As the machine would: no farewell. The process that was; None if there was none."""
        return self.signal(program, signal.SIGKILL)

    def terminate(self, program: str) -> int | None:
        """Ask it to end; the supervisor starts it again."""
        return self.signal(program, signal.SIGTERM)

    def signal(self, program: str, number: signal.Signals) -> int | None:
        """Send a signal; the pid that it went to."""
        pid = self.pid(program)
        if pid is None:
            return None
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            return None
        return pid

    @contextmanager
    def frozen(self, program: str) -> Generator[None]:
        """Stopped as by a debugger or a machine that sleeps, and continued at the end of the block."""
        pid = self.signal(program, signal.SIGSTOP)
        try:
            yield
        finally:
            if pid is not None and psutil.pid_exists(pid):
                os.kill(pid, signal.SIGCONT)

    def reasons(self, program: str) -> dict[str, str]:
        """What isn't well, by check; empty when the program is ready."""
        if program in self.connections["servers"]:
            reason = self._server(program)
            return {program: reason} if reason else {}
        try:
            _get(f"{self.url(program)}/health/ready")
        except urllib.error.HTTPError as error:
            checks: dict[str, str] = json.loads(error.read())["checks"]
            return {name: reason for name, reason in checks.items() if reason != "ok"}
        except OSError as error:
            return {program: str(error)}
        return {}

    def await_ready(self, *programs: str, within_s: float = READY_S) -> float:
        """Wait until these programs, or all of them, are ready; the seconds that took."""
        wanted = programs or (*self.servers, *self.services)
        reasons: dict[str, dict[str, str]] = {}

        def ready() -> bool:
            found = {each: self.reasons(each) for each in wanted}
            reasons.clear()
            reasons.update({name: reason for name, reason in found.items() if reason})
            return not reasons

        try:
            return await_true(ready, within_s=within_s, what="ready")
        except NotInTime as error:
            raise NotInTime(f"{error}: {reasons}") from error

    def await_restart(self, program: str, old_pid: int | None, *, within_s: float = READY_S) -> float:
        """Wait until another process than `old_pid` runs and is ready; the seconds that took."""
        begun = time.monotonic()
        await_true(lambda: self.pid(program) not in (None, old_pid), within_s=within_s, what=f"{program} again")
        self.await_ready(program, within_s=within_s)
        return time.monotonic() - begun

    def url(self, program: str) -> str:
        """Where a service's instance serves its page."""
        return self._instances()[program]["url"]

    def metrics(self, program: str) -> str:
        """The page of figures of a service's instance."""
        return _get(f"{self.url(program)}/metrics/")

    def log(self, program: str) -> str:
        """All that a program has written so far, this life's and earlier ones'."""
        return (self.stack.layout.logs / f"{program}.log").read_text(errors="replace")

    def offspring(self, program: str) -> list[psutil.Process]:
        """All processes below a program's: an executor's driver, its JVM, Spark's workers, sandboxed children."""
        pid = self.pid(program)
        try:
            return psutil.Process(pid).children(recursive=True) if pid is not None else []
        except psutil.NoSuchProcess:
            return []

    def _instances(self) -> dict[str, dict[str, Any]]:
        return {
            program_name(service, number): instance
            for service, instances in self.connections.get("services", {}).items()
            for number, instance in enumerate(instances, start=1)
        }

    def _server(self, program: str) -> str | None:
        try:
            self.stack.connection(program).probe()
        except NotReady as error:
            return str(error)
        return None


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=_PROBE_S) as page:  # noqa: S310 - a program's own http address
        return page.read().decode()


@contextmanager
def running(environ: Mapping[str, str] = TWO_OF_EACH, **which: Any) -> Generator[Platform]:
    """A platform in a temporary folder, gone at the end of the block. `which` as for `Stack.up`."""
    data = Path(tempfile.mkdtemp(prefix="mlp-chaos-"))
    data.chmod(0o755)  # PostgreSQL's user has to get through
    stack = Stack(data, environ={**os.environ, **environ})
    try:
        stack.up(**which)
        yield Platform(stack)
    finally:
        stack.clean()
        shutil.rmtree(data, ignore_errors=True)
