"""An object of which only the parent can read: it is asked for just the bytes that are needed."""

import io
from typing import Any

from .ops import Link


class RangedFile(io.RawIOBase):
    """The object as a file, of which a read has the parent fetch just what it asks for."""

    def __init__(self, link: Link, size_bytes: int) -> None:
        self._link, self._size, self._position = link, size_bytes, 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        self._position = offset + {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        return self._position

    def tell(self) -> int:
        return self._position

    def readinto(self, buffer: Any) -> int:
        end = min(self._position + len(buffer), self._size)
        if end <= self._position:
            return 0
        self._link.tell({"need": [self._position, end]})
        _, (data,) = self._link.receive()
        buffer[: data.nbytes] = data
        self._position += data.nbytes
        return data.nbytes
