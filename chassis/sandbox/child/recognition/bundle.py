"""An artifact as its format's check sees it: names, sizes, and bytes by range."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Self

Read = Callable[[str, int, int], bytes]
"""`(path, offset, length)` -> bytes; reads inside the file only."""


@dataclass(frozen=True)
class Bundle:
    """One file, or a directory of them; paths are relative to it, with their sizes in bytes."""

    sizes: Mapping[str, int]
    is_directory: bool
    read: Read

    @classmethod
    def at(cls, artifact: Path) -> Self:
        """What lies there."""
        is_directory = artifact.is_dir()
        root = artifact if is_directory else artifact.parent
        files = [file for file in artifact.rglob("*") if file.is_file()] if is_directory else [artifact]
        sizes = {file.relative_to(root).as_posix(): file.stat().st_size for file in files}

        def read(path: str, offset: int, length: int) -> bytes:
            with (root / path).open("rb") as file:
                file.seek(offset)
                return file.read(length)

        return cls(sizes, is_directory, read)

    def head(self, path: str, length: int) -> bytes:
        """The first bytes, as many as there are."""
        return self._range(path, 0, length)

    def tail(self, path: str, length: int) -> bytes:
        """The last bytes, as many as there are."""
        return self._range(path, max(self.sizes[path] - length, 0), length)

    def only(self, *suffixes: str) -> str | None:
        """The one file; in a directory the one whose name ends so. None if there are several or none."""
        matching = [path for path in self.sizes if not self.is_directory or path.lower().endswith(suffixes)]
        return matching[0] if len(matching) == 1 else None

    def _range(self, path: str, offset: int, length: int) -> bytes:
        length = min(length, self.sizes[path] - offset)
        return self.read(path, offset, length) if length > 0 else b""


Check = Callable[[Bundle], str | None]
"""What is wrong with a bundle that is said to be of a format, in words that follow "it "; None: it may well be."""
