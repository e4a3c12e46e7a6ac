"""An artifact as its format's check sees it: names, sizes, and bytes by range."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

Read = Callable[[str, int, int], Awaitable[bytes]]
"""`(path, offset, length)` -> bytes; reads inside the file only."""


@dataclass(frozen=True)
class Bundle:
    """One file, or a directory of them; paths are relative to it, with their sizes in bytes."""

    sizes: Mapping[str, int]
    is_directory: bool
    read: Read

    async def head(self, path: str, length: int) -> bytes:
        """The first bytes, as many as there are."""
        return await self._range(path, 0, length)

    async def tail(self, path: str, length: int) -> bytes:
        """The last bytes, as many as there are."""
        return await self._range(path, max(self.sizes[path] - length, 0), length)

    def only(self, *suffixes: str) -> str | None:
        """The one file; in a directory the one whose name ends so. None if there are several or none."""
        matching = [path for path in self.sizes if not self.is_directory or path.lower().endswith(suffixes)]
        return matching[0] if len(matching) == 1 else None

    async def _range(self, path: str, offset: int, length: int) -> bytes:
        length = min(length, self.sizes[path] - offset)
        return await self.read(path, offset, length) if length > 0 else b""


Check = Callable[[Bundle], Awaitable[str | None]]
"""What is wrong with a bundle that is said to be of a format, in words that follow "it "; None: it may well be."""
