"""An object's text: unpacked and in UTF-8, in bounded pieces. Bytes that are no text are marked."""

import codecs
import io
import itertools
import re
from collections.abc import Iterator
from typing import Any, Final

from .csv_dialect import CsvDialect, codec_of, encoding_of, unpacking

NO_TEXT: Final = "\U0010fffe"
"""Stands for a byte that is no text: a noncharacter, in no text that is meant for others."""
_SURROGATES: Final = re.compile("[\udc80-\udcff]")
_PIECE_BYTES: Final = 4 << 20
_HEAD_BYTES: Final = 4
_MARKING: Final = "no-utf-8"


class CsvUnreadable(ValueError):
    """The object can't be read on; `str()` of it follows the object's name."""


def text_of(dialect: CsvDialect, blocks: Iterator[memoryview]) -> Iterator[bytes]:
    """The object's text, unpacked and in UTF-8, in bounded pieces."""
    pieces = _with_head(_unpacked(blocks))
    first = next(pieces)
    encoding = encoding_of(first, dialect.charset)
    if encoding == "utf-8":
        yield first
        yield from pieces
        return
    decoder = codecs.getincrementaldecoder(encoding)(errors=_MARKING)
    for piece in itertools.chain((first,), pieces):
        yield decoder.decode(piece).encode(errors="surrogateescape")
    yield decoder.decode(b"", final=True).encode(errors="surrogateescape")


def marked(text: bytes) -> bytes:
    """The same, with a mark for each byte that is no UTF-8: the parser ends at lines that it can't decode."""
    try:
        text.decode()
    except UnicodeDecodeError:
        return _SURROGATES.sub(NO_TEXT, text.decode(errors="surrogateescape")).encode()
    return text


def _unpacked(blocks: Iterator[memoryview]) -> Iterator[bytes]:
    pieces = _with_head(map(bytes, blocks))
    first = next(pieces)
    codec = codec_of(first)
    if codec is None:
        yield first
        yield from pieces
        return
    stream = unpacking(io.BufferedReader(_Stream(itertools.chain((first,), pieces))), codec)
    try:
        while piece := stream.read(_PIECE_BYTES):
            yield piece
    except OSError as error:
        raise CsvUnreadable(f"no readable {codec} file: {error}") from error


def _with_head(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The same; the first piece holds the bytes by which a file says what it is, if there are so many."""
    head = b""
    while len(head) < _HEAD_BYTES and (piece := next(pieces, None)) is not None:
        head += piece
    yield head
    yield from pieces


class _Stream(io.RawIOBase):
    """Blocks as a file."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            block = next(self._blocks, None)
            if block is None:
                return 0
            self._rest = block
        count = min(len(buffer), len(self._rest))
        buffer[:count] = self._rest[:count]
        self._rest = self._rest[count:]
        return count


def _no_utf_8(error: UnicodeError) -> tuple[str, int]:
    """A byte that is no UTF-8, by way of its surrogate, for what is no text: one way to set it aside is enough."""
    end = error.end if isinstance(error, UnicodeDecodeError) else 0
    return "\udcff", end


codecs.register_error(_MARKING, _no_utf_8)
