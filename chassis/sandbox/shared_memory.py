"""Memory that a piece is read into and a model's process sees: written here, only readable there, then used again.

New memory for each piece would cost more than the copy into it: its pages are found, cleared and given back.
"""

import fcntl
import itertools
import mmap
import os
import threading
import weakref
from typing import Final

from chassis.sandbox.child.wire import KEPT_BYTES

_FUTURE_WRITE: Final = 0x10
"""F_SEAL_FUTURE_WRITE, of Linux 5.1: nobody can write but by the mappings that there are."""
_SEALS: Final = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | _FUTURE_WRITE | fcntl.F_SEAL_SEAL
_KEPT: Final = 3
"""One is filled while one is scored and one is written."""
_ROUND: Final = 1 << 20
_numbers = itertools.count(1)


class SharedMemory:
    """Whoever gets `descriptor` can't change what is in it. `number` is never another's of this process.

    `file` is the number by which the kernel knows it.
    """

    def __init__(self, size: int) -> None:
        self.number = next(_numbers)
        self.size = size
        self.descriptor = os.memfd_create("piece", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
        self.file = os.fstat(self.descriptor).st_ino
        weakref.finalize(self, os.close, self.descriptor)
        os.ftruncate(self.descriptor, size)
        self.view = memoryview(mmap.mmap(self.descriptor, size))
        fcntl.fcntl(self.descriptor, fcntl.F_ADD_SEALS, _SEALS)


class Memories:
    """Of which pieces take one each. What is not given back is no loss: it ends with its last use."""

    def __init__(self) -> None:
        self._free: list[SharedMemory] = []
        self._lock = threading.Lock()

    def take(self, size: int) -> SharedMemory:
        """One of at least so many bytes; the caller's until it is given back."""
        with self._lock:
            fitting = next((each for each in self._free if each.size >= size), None)
            if fitting is not None:
                self._free.remove(fitting)
        return fitting or SharedMemory(max(1, -(-size // _ROUND)) * _ROUND)

    def give_back(self, memory: SharedMemory) -> None:
        """Nobody reads it any more. One beyond the limit isn't kept: an idle worker would hold it."""
        with self._lock:
            if memory.size <= KEPT_BYTES:
                self._free = sorted([*self._free, memory], key=lambda each: each.size)[-_KEPT:]
