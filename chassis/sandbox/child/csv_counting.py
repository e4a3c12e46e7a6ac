"""Ranges of a delimited text: where their records begin, or seem to; where these end, and how many there are."""

from collections.abc import Callable, Iterator
from typing import Final

from .csv_bounds import MAX_HEADER_BYTES
from .csv_cutting import line_end
from .csv_dialect import CsvDialect
from .csv_ranges import ReadRange
from .csv_records import CsvReader

_PIECE_BYTES: Final = 32 << 20
_LOOK_BYTES: Final = 1 << 20
"""Of what a range may not need: looked through for a line's end, or read for a record that ends behind the range."""
_BLOCK_BYTES: Final = 4 << 20

Fetch = Callable[[int, int], memoryview]
"""The text from one offset to another."""


def count_range(
    fetch: Fetch, size: int, dialect: CsvDialect, *, start: int, stop: int, known: bool
) -> ReadRange | None:
    """The records from `start` on, to the first one's end at or behind `stop`.

    Args:
        fetch: gives of the text what is needed.
        size: of the text, in bytes.
        dialect: of the text, which can be cut (`csv_dialect.can_be_cut`).
        start: an offset.
        stop: another one, at most `size`.
        known: a record begins at `start`; else the first one may begin behind the next line's end.

    Returns:
        None where no line ends in the range: it has no records of its own.

    Raises:
        CsvUnreadable: a header without an end.
    """
    begin = start if known else behind_line(fetch, start, stop)
    if begin is None:
        return None
    reader = CsvReader(dialect, _blocks(fetch, begin, stop, size), start=begin, stop=stop)
    reader.count()
    return ReadRange(begin, reader.position, reader.records)


def likely_start(fetch: Fetch, dialect: CsvDialect, *, cut: int, stop: int) -> int | None:
    """Behind the first line's end at or behind the offset `cut` > 0 and before `stop`, if a row seems to begin there.

    What follows has as many fields as the header then. Within a text of several lines it hardly ever has.
    """
    begin = behind_line(fetch, cut, stop)
    if begin is None or begin >= stop:
        return None
    text = fetch(begin, min(begin + MAX_HEADER_BYTES, stop))
    block = next(CsvReader(dialect, iter([text]), start=begin).blocks(), None)
    return begin if block and block.table.num_rows and block.row_number(0) == block.first else None


def behind_line(fetch: Fetch, cut: int, stop: int) -> int | None:
    """Behind the first line's end at or behind the offset `cut` > 0 and before `stop`."""
    for at in range(cut, stop, _LOOK_BYTES - 1):
        text = bytes(fetch(at - 1, min(at - 1 + _LOOK_BYTES, stop)))
        end = line_end(text)
        # A line that ends with the piece, perhaps in the middle of CR LF, ends in the next one as well.
        if 0 < end < len(text):
            return at - 1 + end
    return None


def _blocks(fetch: Fetch, begin: int, stop: int, size: int) -> Iterator[memoryview]:
    while begin < size:
        end = min(begin + _PIECE_BYTES, stop) if begin < stop else min(begin + _LOOK_BYTES, size)
        text = fetch(begin, end)
        yield from (text[at : at + _BLOCK_BYTES] for at in range(0, end - begin, _BLOCK_BYTES))
        begin = end
