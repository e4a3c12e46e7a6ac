"""What a sandbox's processes take together: limits of one process say nothing about their sum.

Where the kernel holds them in a group (`group.py`), it counts; else this does. Memory counts once whoever holds it:
private pages, and files in memory whether they are mapped or only open.
"""

import os
import re
import threading
import time
from collections import Counter
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chassis.sandbox.group import FIRST_TO_GO, Group

_EVERY_S: Final = 0.2
_IDLE_S: Final = 2.0
_IDLE_SHARE: Final = 0.25
_EACH_S: Final = 0.1
_KIB: Final = 1024
_BLOCK: Final = 512
_TICKS: Final = os.sysconf("SC_CLK_TCK")
_MAPPING: Final = re.compile(r"[0-9a-f]+-[0-9a-f]+ \S+ [0-9a-f]+ \S+ (\d+) +(?:/memfd:|/dev/zero \(deleted\)).*")
_OTHER: Final = ("THPeligible:", "ProtectionKey:", "VmFlags:")
_Files = Counter[int]


@dataclass(frozen=True)
class Usage:
    """Of a process and all below it. `shared_bytes`: mapped by several perhaps, and by us; counted for each."""

    memory_bytes: int
    cpu_s: float
    shared_bytes: int = 0


def usage_of(pid: int, *, exact: bool = False) -> Usage:
    """As far as it can be seen; what has just ended counts for nothing.

    `exact` has the kernel count pages that forks share once; else they count for each, which is quicker said. What is
    shared is part of the memory then, unless this process maps it, too: that is its own.
    """
    private, shared, files, mapped, cpu = 0, 0, _Files(), _Files(), 0.0
    for each in (pid, *below(pid)):
        private += _field(each, "smaps_rollup", "Pss_Anon:") if exact else _field(each, "status", "RssAnon:")
        files |= _memory_files(each)
        cpu += _cpu_s(each)
        if exact:
            mapped.update(_mapped_files(each))
        else:
            shared += _field(each, "status", "RssShmem:")
    ours = _mapped_files(os.getpid()) if exact else _Files()
    memory = {file: max(size, files[file]) for file, size in mapped.items() if file not in ours}
    return Usage(private + sum({**files, **memory}.values()), cpu, shared)


def below(pid: int) -> Iterator[int]:
    """Children and theirs. A sandbox encloses the process that counts in several others."""
    with suppress(OSError, ValueError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from below(int(child))


class Watch:
    """Looks at a sandbox now and then, and has it ended when it takes too much, or works while nobody asks it.

    Its answers may take `within_s` together, and a moment more each.
    """

    def __init__(
        self,
        pid: int,
        memory_bytes: int,
        end: Callable[[], None],
        group: Group | None = None,
        *,
        within_s: float | None = None,
    ) -> None:
        self.asked = False
        self._within_s, self._spent_s, self._allowed_s = within_s, 0.0, within_s or 0.0
        self._waiting_since: float | None = None
        self._reason: str | None = None
        self._pid, self._memory_bytes, self._end, self._group = pid, memory_bytes, end, group
        self._over = threading.Event()
        self._idle_since: tuple[float, float] | None = None
        threading.Thread(target=self._look_on, name="sandbox-watch", daemon=True).start()

    @property
    def reason(self) -> str | None:
        """Why it was ended; where the kernel has begun to, that may be known before this has looked."""
        if self._reason is None and self._group is not None and self._group.is_overrun:
            self._reason = self._too_much()
        return self._reason

    @contextmanager
    def waiting(self) -> Generator[None]:
        """Somebody waits for an answer."""
        self._allowed_s += _EACH_S
        self._waiting_since = began = time.monotonic()
        try:
            yield
        finally:
            self._waiting_since = None
            self._spent_s += time.monotonic() - began

    def stop(self) -> None:
        self._over.set()

    def _look_on(self) -> None:
        while not self._over.wait(_EVERY_S):
            _put_first(self._pid)
            reason = self.reason or self._too_slow() or self._judged(usage_of(self._pid))
            if reason:
                self._reason = reason
                self._end()
                return

    def _too_slow(self) -> str | None:
        since = self._waiting_since
        if self._within_s is None or since is None or self._spent_s + time.monotonic() - since <= self._allowed_s:
            return None
        return f"it took longer than {self._within_s:.0f} s (MLP_SANDBOX_LOOK_S)"

    def _too_much(self) -> str:
        return f"its processes together held more than {self._memory_bytes >> 20} MB (MLP_SANDBOX_MEMORY_BYTES)"

    def _judged(self, usage: Usage) -> str | None:
        summed = self._group is None
        rough = usage.memory_bytes + usage.shared_bytes
        if summed and rough > self._memory_bytes < usage_of(self._pid, exact=True).memory_bytes:
            return self._too_much()
        now = time.monotonic()
        if self.asked or self._idle_since is None:
            self._idle_since = None if self.asked else (now, usage.cpu_s)
            return None
        since, cpu_s = self._idle_since
        if now - since < _IDLE_S:
            return None
        self._idle_since = (now, usage.cpu_s)
        worked = usage.cpu_s - cpu_s > _IDLE_SHARE * (now - since)
        return "it went on working when its job was done" if worked else None


def _put_first(pid: int) -> None:
    """In the kernel's order, when the machine has no memory left, whatever they have made of it meanwhile."""
    for each in (pid, *below(pid)):
        place = Path(f"/proc/{each}/oom_score_adj")
        with suppress(OSError):
            if place.read_text().strip() != FIRST_TO_GO:
                place.write_text(FIRST_TO_GO)


def _field(pid: int, file: str, name: str) -> int:
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * _KIB
    return 0


def _memory_files(pid: int) -> _Files:
    """Bytes of files that lie in memory alone, open there."""
    found = _Files()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(entry.readlink()).startswith("/memfd:"):
                    status = entry.stat()
                    found[status.st_ino] = status.st_blocks * _BLOCK
    return found


def _mapped_files(pid: int) -> _Files:
    """Shares of files that lie in memory alone, mapped there; memory that forks share is such a file, without a name.

    The kernel has one file system for all of them, which knows them by their numbers.
    """
    found, file = _Files(), 0
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/smaps").read_text().splitlines():
            mapping = _MAPPING.match(line)
            if mapping:
                file = int(mapping[1])
            elif file and line.startswith("Pss:"):
                found[file] += int(line.split()[1]) * _KIB
            elif not line.endswith(" kB") and not line.startswith(_OTHER):
                file = 0
    return found


def _cpu_s(pid: int) -> float:
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0
