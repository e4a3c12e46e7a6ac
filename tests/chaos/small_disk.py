"""A folder on a file system of its own, which can be filled to the last byte and given room again."""

import os
import shutil
import subprocess
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import pytest

_ROOMY: Final = "8g"
"""Memory is taken only for what is written."""


@dataclass(frozen=True)
class SmallDisk:
    """A tmpfs: its size, unlike its content, costs nothing to change."""

    folder: Path

    def fill(self, *, left_bytes: int = 0) -> None:
        """Leave only so much room."""
        found = os.statvfs(self.folder)
        used = (found.f_blocks - found.f_bfree) * found.f_frsize
        self._resize(str(used + max(left_bytes, found.f_frsize)))

    def make_room(self) -> None:
        self._resize(_ROOMY)

    def _resize(self, size: str) -> None:
        subprocess.run(["mount", "-o", f"remount,size={size}", str(self.folder)], check=True)


@contextmanager
def small_disk(folder: Path) -> Generator[SmallDisk]:
    """Mounted over `folder`, which is made. Where nothing may be mounted the test that asks is skipped."""
    folder.mkdir(parents=True, exist_ok=True)
    if os.getuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root may mount a disk that can be filled")
    command = ["mount", "-t", "tmpfs", "-o", f"size={_ROOMY},mode=0755", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"nothing can be mounted here: {mounted.stderr.strip()}")
    try:
        yield SmallDisk(folder)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)
