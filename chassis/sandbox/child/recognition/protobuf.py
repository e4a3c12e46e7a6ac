"""The outermost fields of a protocol buffer, by its wire format, without its schema."""

from collections.abc import Generator
from dataclasses import dataclass
from typing import Final

from .bundle import Bundle

VARINT, FIXED64, LENGTH, FIXED32 = 0, 1, 2, 5
_FIXED: Final = {FIXED64: 8, FIXED32: 4}
_WINDOW_BYTES: Final = 64 * 1024
_LONGEST_VARINT: Final = 10
_MOST_FIELDS: Final = 20_000


class NotProtobuf(ValueError):
    """The bytes don't follow the wire format."""


@dataclass(frozen=True)
class Field:
    """A field's number and wire type, and its value if that is a varint, else its size in bytes."""

    number: int
    wire_type: int
    value: int


class _Cursor:
    """A place in a file that reads forward a window at a time and skips what isn't looked at."""

    def __init__(self, bundle: Bundle, path: str) -> None:
        self._bundle = bundle
        self._path = path
        self._size = bundle.sizes[path]
        self._window = b""
        self._start = 0
        self.offset = 0

    @property
    def at_end(self) -> bool:
        return self.offset == self._size

    def skip(self, count: int) -> None:
        self.offset += count
        if self.offset > self._size:
            raise NotProtobuf("a field ends behind the end")

    def varint(self) -> int:
        value = 0
        for position in range(_LONGEST_VARINT):
            byte = self._byte()
            value |= (byte & 0x7F) << (7 * position)
            if byte < 0x80:  # noqa: PLR2004 - the continuation bit
                return value
        raise NotProtobuf("a varint of more than ten bytes")

    def _byte(self) -> int:
        if self.at_end:
            raise NotProtobuf("it ends within a field")
        if not self._start <= self.offset < self._start + len(self._window):
            length = min(_WINDOW_BYTES, self._size - self.offset)
            self._window = self._bundle.read(self._path, self.offset, length)
            self._start = self.offset
        byte = self._window[self.offset - self._start]
        self.offset += 1
        return byte


def fields(bundle: Bundle, path: str) -> Generator[Field]:
    """The outermost fields, to the very end.

    Raises:
        NotProtobuf: it is no protocol buffer, or has been cut off, or has more than 20,000 of them.
    """
    cursor = _Cursor(bundle, path)
    for _ in range(_MOST_FIELDS):
        if cursor.at_end:
            return
        key = cursor.varint()
        number, wire_type = key >> 3, key & 7
        if wire_type == VARINT:
            value = cursor.varint()
        elif wire_type == LENGTH:
            value = cursor.varint()
            cursor.skip(value)
        elif wire_type in _FIXED:
            value = _FIXED[wire_type]
            cursor.skip(value)
        else:
            raise NotProtobuf(f"wire type {wire_type}")
        yield Field(number, wire_type, value)
    raise NotProtobuf("too many fields")
