"""A text that is read by several tasks at once: each assumes that a record begins where its range does.

A cut is moved behind the next line's end, which may stand within quotes. A range ends with the first record's end at
or behind the next cut. Where that is the next one's very start, it was assumed rightly; else the next range is looked
at anew, from there.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True)
class ReadRange:
    """A range as it was read: where it began, where its last record ended, how many records it had."""

    start: int
    end: int
    records: int


def proven(ranges: Sequence[ReadRange]) -> int:
    """How many of the ranges, given in their order, begin where a record does: the first begins the text.

    Of these, the records are numbered on from those of the ranges before. The next one is to be read anew, from
    where the last proven one ended.
    """
    for number, (one, following) in enumerate(pairwise(ranges), 1):
        if one.end != following.start:
            return number
    return len(ranges)
