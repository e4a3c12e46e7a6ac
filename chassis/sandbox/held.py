"""What a sandbox holds while nobody asks it anything, wherever it lies: what its last job has left is in there.

`Watch` looks often, and at what is mapped or open; here a file in memory counts as a whole, whoever maps how much of
it, and what can't be counted is more than anybody may hold.
"""

import os
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from chassis.sandbox.group import Group
from chassis.sandbox.watch import below

_KIB: Final = 1024
_BLOCK: Final = 512
_UNTOLD: Final = 1 << 50
_LITTLE: Final = 16 << 20
"""A group that holds no more in files needs no closer look: mappings take milliseconds to read."""
_FIELD: Final = re.compile(r"^(Threads|RssAnon|VmSwap):\s+(\d+)", re.MULTILINE)
_NAMES: Final = ("/memfd:", "/dev/zero (deleted)", "/secretmem")
_MAPPING: Final = re.compile(r"0*([0-9a-f]+)-0*([0-9a-f]+) \S+ \S+ \S+ (\d+) ")
_TMP: Final = Path("/tmp")  # noqa: S108 - only looked at
_WAITING: Final = re.compile(r"^scm_fds:\s+[1-9]", re.MULTILINE)


@dataclass(frozen=True)
class Held:
    """`memory_bytes`: private pages, files in memory, and what lies in the sandbox's own `/tmp`."""

    processes: int
    threads: int
    memory_bytes: int

    def exceeds(self, before: "Held", *, by_bytes: float) -> bool:
        """Whether there are more processes or threads, or so much more memory."""
        grown = self.memory_bytes - before.memory_bytes
        return self.processes > before.processes or self.threads > before.threads or grown > by_bytes


def held(pid: int, *, group: Group | None, shown: Collection[int]) -> Held:
    """Of a process and all below it, in a group or not. `shown`: numbers of files in memory that are not theirs."""
    pids, threads, private = (pid, *below(pid)), 0, 0
    for each in pids:
        told = {name: int(value) for name, value in _FIELD.findall(_text(f"/proc/{each}/status"))}
        threads += told.get("Threads", 0)
        private += (told.get("RssAnon", 0) + told.get("VmSwap", 0)) * _KIB
    shared = group.shared_bytes if group else None
    if shared is None or shared > _LITTLE:
        shared = _files_bytes(pids, shown) + _tmp_bytes(pids)
    return Held(len(pids), threads, private + shared)


def _files_bytes(pids: Sequence[int], shown: Collection[int]) -> int:
    files = dict.fromkeys(shown, 0)
    for pid in pids:
        files |= {file: size for file, size in _open_files(pid) if file not in files}
        files |= {file: _size(mapped) for file, mapped in _mapped_files(pid) if file not in files}
    return sum(files.values())


def _text(file: str) -> str:
    with suppress(OSError):
        return Path(file).read_text(errors="replace")
    return ""


def _open_files(pid: int) -> Iterator[tuple[int, int]]:
    """Of files in memory, and of what waits in a socket for whoever takes it from there."""
    with suppress(OSError):
        for entry in Path(f"/proc/{pid}/fd").iterdir():
            with suppress(OSError):
                name, file = str(entry.readlink()), entry.stat()
                if name.startswith(_NAMES):
                    yield file.st_ino, file.st_blocks * _BLOCK
                elif name.startswith("socket:") and _WAITING.search(_text(f"/proc/{pid}/fdinfo/{entry.name}")):
                    yield -file.st_ino, _UNTOLD


def _mapped_files(pid: int) -> Iterator[tuple[int, Path]]:
    """Of files in memory that may not be open any more; memory that forks share is such a file, without a name."""
    text = _text(f"/proc/{pid}/maps")
    for name in _NAMES:
        at = text.find(name)
        while at >= 0:
            if mapping := _MAPPING.match(text, text.rfind("\n", 0, at) + 1):
                yield int(mapping[3]), Path(f"/proc/{pid}/map_files/{mapping[1]}-{mapping[2]}")
            at = text.find(name, at + 1)


def _size(mapped: Path) -> int:
    """Told to who has the right (CAP_CHECKPOINT_RESTORE or CAP_SYS_ADMIN)."""
    try:
        return mapped.stat().st_blocks * _BLOCK
    except FileNotFoundError:
        return 0
    except OSError:
        return _UNTOLD


def _tmp_bytes(pids: Sequence[int]) -> int:
    """Of what isn't our own: it lies in memory."""
    found, ours = dict[int, int](), _TMP.stat().st_dev
    for pid in pids:
        with suppress(OSError):
            folder = Path(f"/proc/{pid}/root{_TMP}")
            if (device := folder.stat().st_dev) != ours:
                told = os.statvfs(folder)
                found[device] = (told.f_blocks - told.f_bfree) * told.f_frsize
    return sum(found.values())
