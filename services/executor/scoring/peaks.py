"""The most memory that this worker and the processes below it have held since the measuring began."""

import re
import resource
from contextlib import suppress
from pathlib import Path
from typing import Final

from chassis.sandbox.watch import below

_PEAK: Final = re.compile(r"VmHWM:\s+(\d+) kB")
_RESET: Final = "5"


def begin_measuring(pid: int) -> None:
    """Forget the peaks of a process and those below it so far: a warm one's may be an earlier run's.

    Where the kernel doesn't allow that, peaks are those of the processes' whole lives.
    """
    for each in (pid, *below(pid)):
        with suppress(OSError):
            Path(f"/proc/{each}/clear_refs").write_text(_RESET)


def peak_bytes(pid: int) -> int:
    """Of the process or of one below it, whichever held most. Resident pages, shared ones included."""
    return max(_peak(each) for each in (pid, *below(pid)))


def own_peak_bytes() -> int:
    """Of this process alone."""
    return _peak("self") or resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def _peak(pid: int | str) -> int:
    with suppress(OSError):
        found = _PEAK.search(Path(f"/proc/{pid}/status").read_text())
        return int(found[1]) * 1024 if found else 0
    return 0
