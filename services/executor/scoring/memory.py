"""Memory of processes and of the machine, or of the container in it, as Linux tells."""

import contextlib
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

_KIB = 1024
_GROUP = Path("/sys/fs/cgroup")


def memory_of(pids: Iterable[int]) -> int:
    """Bytes that the processes hold together; what several share counts once."""
    return sum(_proportional(pid) for pid in pids)


def available_memory() -> int:
    """Bytes that can be taken without swapping: of the machine, and of the container's limit if there is one."""
    return min([*_left_on_machine(), *_left_in_group(_GROUP)], default=sys.maxsize)


def _proportional(pid: int) -> int:
    with contextlib.suppress(OSError):
        return _field(Path(f"/proc/{pid}/smaps_rollup"), "Pss:") * _KIB
    return 0


def _left_on_machine() -> Iterator[int]:
    with contextlib.suppress(OSError):
        yield _field(Path("/proc/meminfo"), "MemAvailable:") * _KIB


def _left_in_group(group: Path) -> Iterator[int]:
    with contextlib.suppress(OSError, ValueError):
        limit = int((group / "memory.max").read_text())  # `max` where there is none
        used = int((group / "memory.current").read_text())
        # Pages of files count as used until somebody needs them.
        yield limit - used + _field(group / "memory.stat", "inactive_file")


def _field(path: Path, name: str) -> int:
    return next((int(line.split()[1]) for line in path.read_text().splitlines() if line.split()[0] == name), 0)
