"""Ranges of a delimited text, read without parsing: where their records begin and end, and how many there are."""

from collections.abc import Iterator
from typing import Final, Protocol

from .csv_cutting import line_end
from .csv_dialect import CsvDialect
from .csv_ranges import ReadRange
from .csv_records import CsvReader

_PIECE_BYTES: Final = 32 << 20
_LOOK_BYTES: Final = 1 << 20
"""Of what a range may not need: looked through for a line's end, or read for a record that ends behind the range."""


class Readable(Protocol):
    """A binary file."""

    def seek(self, offset: int, /) -> int: ...
    def tell(self) -> int: ...
    def read(self, size: int, /) -> bytes | None: ...


def read_range(file: Readable, dialect: CsvDialect, *, start: int, stop: int, known: bool) -> ReadRange | None:
    """The records from `start` on, to the first one's end at or behind `stop`.

    Args:
        file: the whole text, of which only that is read.
        dialect: of the text, which can be cut (`csv_dialect.can_be_cut`).
        start: an offset.
        stop: another one, at most the text's size.
        known: a record begins at `start`; else the first one may begin behind the next line's end.

    Returns:
        None where no line ends in the range: it has no records of its own.

    Raises:
        CsvUnreadable: a header without an end.
    """
    begin = start if known else _assumed_start(file, start, stop)
    if begin is None:
        return None
    file.seek(begin)
    reader = CsvReader(dialect, _pieces(file, stop), start=begin, stop=stop)
    reader.count()
    return ReadRange(begin, reader.position, reader.records)


def _assumed_start(file: Readable, cut: int, stop: int) -> int | None:
    """Behind the first line's end at or behind the offset `cut` > 0 and before `stop`."""
    for at in range(cut, stop, _LOOK_BYTES - 1):
        file.seek(at - 1)
        text = file.read(min(_LOOK_BYTES, stop - at + 1)) or b""
        end = line_end(text)
        # A line that ends with the piece, perhaps in the middle of CR LF, ends in the next one as well.
        if 0 < end < len(text):
            return at - 1 + end
    return None


def _pieces(file: Readable, stop: int) -> Iterator[memoryview]:
    while piece := file.read(min(_PIECE_BYTES, max(stop - file.tell(), 0)) or _LOOK_BYTES):
        yield memoryview(piece)
