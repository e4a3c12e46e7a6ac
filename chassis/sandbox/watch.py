"""What a sandbox's processes take together: limits of one process say nothing about their sum.

Memory counts once whoever holds it: private pages, and files in memory whether they are mapped or only open.
"""

import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

_EVERY_S: Final = 0.2
_IDLE_S: Final = 2.0
_IDLE_SHARE: Final = 0.25
_KIB: Final = 1024
_BLOCK: Final = 512
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True)
class Usage:
    """Of a process and all below it."""

    processes: int
    memory_bytes: int
    cpu_s: float


def usage_of(pid: int, *, exact: bool = False) -> Usage:
    """As far as it can be seen; what has just ended counts for nothing.

    `exact` has the kernel count pages that forks share once; else they count for each, which is quicker said.
    """
    private, files, cpu, count = 0, dict[tuple[int, int], int](), 0.0, 0
    for each in (pid, *below(pid)):
        count += 1
        private += _field(each, "smaps_rollup", "Pss_Anon:") if exact else _field(each, "status", "RssAnon:")
        files |= _memory_files(each)
        cpu += _cpu_s(each)
    return Usage(count, private + sum(files.values()), cpu)


def below(pid: int) -> Iterator[int]:
    """Children and theirs. A sandbox encloses the process that counts in several others."""
    with suppress(OSError, ValueError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                yield int(child)
                yield from below(int(child))


class Watch:
    """Looks at a sandbox now and then, and has it ended when it takes too much, or works while nobody asks it."""

    def __init__(self, pid: int, memory_bytes: int, end: Callable[[], None]) -> None:
        self.reason: str | None = None
        self.asked = False
        self._pid, self._memory_bytes, self._end = pid, memory_bytes, end
        self._over = threading.Event()
        self._idle_since: tuple[float, float] | None = None
        threading.Thread(target=self._look_on, name="sandbox-watch", daemon=True).start()

    def stop(self) -> None:
        self._over.set()

    def _look_on(self) -> None:
        while not self._over.wait(_EVERY_S):
            reason = self._reason(usage_of(self._pid))
            if reason:
                self.reason = reason
                self._end()
                return

    def _reason(self, usage: Usage) -> str | None:
        if usage.memory_bytes > self._memory_bytes < usage_of(self._pid, exact=True).memory_bytes:
            return f"its processes together held more than {self._memory_bytes >> 20} MB (MLP_SANDBOX_MEMORY_BYTES)"
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


def _field(pid: int, file: str, name: str) -> int:
    with suppress(OSError, ValueError):
        for line in Path(f"/proc/{pid}/{file}").read_text().splitlines():
            if line.startswith(name):
                return int(line.split()[1]) * _KIB
    return 0


def _memory_files(pid: int) -> dict[tuple[int, int], int]:
    """Bytes of files that lie in memory alone, open there."""
    found = dict[tuple[int, int], int]()
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                if str(entry.readlink()).startswith("/memfd:"):
                    status = entry.stat()
                    found[status.st_dev, status.st_ino] = status.st_blocks * _BLOCK
    return found


def _cpu_s(pid: int) -> float:
    with suppress(OSError, ValueError, IndexError):
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0
