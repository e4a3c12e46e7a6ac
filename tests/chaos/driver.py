"""Carries out a plan of faults on a running platform, and remembers what it really did."""

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil

from infra.embedded.stackfile import service_of
from tests.chaos.faults import FREEZE_ELSE_S, FREEZE_S, TOXIC, TOXIC_S, Fault, Kind, Role
from tests.chaos.toxiproxy import Proxy
from tests.chaos.world import World

_FIND_S: Final = 90.0
_POLL_S: Final = 0.1
_WORDS: Final = {
    Role.DRIVER: "services.executor.scoring.driver",
    Role.JVM: "org.apache.spark",
    Role.WORKER: "services.executor.scoring.daemon",
    Role.CHILD: "bwrap",
}


@dataclass(frozen=True)
class Done:
    """A fault that happened, by the monotonic clock; `pid` is None where nobody was there to suffer it."""

    fault: Fault
    at: float
    pid: int | None


@dataclass
class FaultDriver:
    """`folder` is where the world's processes look for orders to crash."""

    world: World
    folder: Path
    tell: Callable[[Done], None] = lambda _: None
    done: list[Done] = field(default_factory=list[Done])
    _stopping: threading.Event = field(default_factory=threading.Event)

    def run(self, plan: Sequence[Fault]) -> None:
        """Return when all of `plan` has happened, later than planned where a victim had to be waited for."""
        begun = time.monotonic()
        with ThreadPoolExecutor(max_workers=32) as pool:
            for fault in plan:
                if self._stopping.wait(max(0.0, begun + fault.at_s - time.monotonic())):
                    break
                pool.submit(self._suffer, fault)
        self._end_orders()

    def stop(self) -> None:
        self._stopping.set()

    def kills(self) -> Counter[str]:
        """How often each program or role was killed for real."""
        return Counter(each.fault.target for each in self.done if each.fault.kind is Kind.KILL and each.pid)

    def _suffer(self, fault: Fault) -> None:
        if fault.kind is Kind.CRASH:
            pid = self._order(fault.target)
        elif fault.kind in TOXIC:
            pid = self._poison(fault)
        else:
            pid = self._signal(fault)
        done = Done(fault, time.monotonic(), pid)
        self.done.append(done)
        self.tell(done)

    def _signal(self, fault: Fault) -> int | None:
        """Wait until there is somebody to suffer it."""
        deadline = time.monotonic() + _FIND_S
        while time.monotonic() < deadline and not self._stopping.is_set():
            pid = self._victim(fault.target)
            with suppress(ProcessLookupError):
                if pid is not None:
                    self._hurt(fault, pid)
                    return pid
            time.sleep(_POLL_S)
        return None

    def _hurt(self, fault: Fault, pid: int) -> None:
        if fault.kind is not Kind.FREEZE:
            os.kill(pid, signal.SIGKILL if fault.kind is Kind.KILL else signal.SIGTERM)
            return
        family = self.world.family(fault.target)
        for each in family:
            with suppress(psutil.Error):
                each.suspend()
        try:
            self._stopping.wait(FREEZE_S.get(service_of(fault.target), FREEZE_ELSE_S))
        finally:
            for each in family:
                with suppress(psutil.Error):
                    each.resume()

    def _poison(self, fault: Fault) -> int | None:
        """Hurt all connections to a server for a while; the server's own pid, or 0."""
        with _toxic(self.world.proxies[fault.target], fault.kind):
            self._stopping.wait(TOXIC_S)
        return self.world.pid(fault.target) or 0

    def _victim(self, target: str) -> int | None:
        if target not in set(Role):
            return self.world.pid(target)
        services = self.world.services
        executors = (each for each in services.services if service_of(each) == "executor")
        return next((pid for each in executors for pid in _of_role(services.offspring(each), Role(target))), None)

    def _order(self, order: str) -> int | None:
        """Lay out an order to crash and wait until somebody has taken it; its pid isn't known."""
        path = self.folder / order
        path.touch()
        deadline = time.monotonic() + _FIND_S
        while path.exists() and time.monotonic() < deadline and not self._stopping.is_set():
            time.sleep(_POLL_S)
        return None if path.exists() else 0

    def _end_orders(self) -> None:
        for order in self.folder.iterdir():
            order.unlink(missing_ok=True)


def _toxic(proxy: Proxy, kind: Kind) -> AbstractContextManager[None]:
    match kind:
        case Kind.CUT:
            return proxy.cut()
        case Kind.HALF_OPEN:
            return proxy.half_open()
        case Kind.SLOW:
            return proxy.slow(1.0, jitter_s=0.5)
        case _:
            return proxy.resetting(0.5)


def _of_role(processes: Iterable[psutil.Process], role: Role) -> list[int]:
    found: list[int] = []
    for each in processes:
        with suppress(psutil.Error):
            words = each.cmdline()
            is_java = bool(words) and words[0].endswith("java")
            if is_java == (role is Role.JVM) and any(_WORDS[role] in word for word in words):
                found.append(each.pid)
    return found
