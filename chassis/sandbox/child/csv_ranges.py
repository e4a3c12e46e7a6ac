"""A text that is read by several tasks at once: each assumes that a record begins where its range does.

A cut is moved behind the next line's end (`assumed_start`), which may stand within quotes. A range ends with the first
record's end at or behind the next one's start. Where that is the very start, it was assumed rightly; else the next
range is read anew, from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from .csv_cutting import line_end


@dataclass(frozen=True)
class ReadRange:
    """A range as it was read: where it began, where its last record ended, how many records it had."""

    start: int
    end: int
    records: int


def assumed_start(cut: int, text: bytes) -> int | None:
    """Where a record may begin at or behind the offset `cut` > 0. `text` stands from one byte before the cut on.

    None where no line ends in it.
    """
    end = line_end(text)
    return cut - 1 + end if end else None


def proven(ranges: Sequence[ReadRange]) -> int:
    """How many of the ranges, given in their order, begin where a record does: the first begins the text.

    Of these, the records are numbered on from those of the ranges before. The next one is to be read anew, from
    where the last proven one ended.
    """
    for number, (one, following) in enumerate(pairwise(ranges), 1):
        if one.end != following.start:
            return number
    return len(ranges)
