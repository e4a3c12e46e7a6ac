"""Large CSV objects in ranges: which are cut, where their records turn out to lie, and what tasks read of them.

Before anything is scored, each range is looked through by a task of its own, which assumes that a record begins behind
the first line's end in it. Those that assumed wrongly are looked through once more, from where the range before ends.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from chassis.sandbox.child.csv_ranges import ReadRange, proven
from chassis.sandbox.child.packing import whole_numbers
from services.executor.scoring.splits import CsvObject, CsvRange

_NUMBERS: Final = 3


@dataclass(frozen=True)
class Cut:
    """A range to look through, to the first record's end at or behind `stop`. `known`: a record begins at `start`."""

    whole: CsvObject
    start: int
    stop: int
    known: bool

    def read(self, piece: memoryview) -> ReadRange | None:
        """What a child says of it; None: no line ends there. Raises `ValueError` where it can't be that."""
        numbers = whole_numbers(piece)
        if not numbers and not self.known:
            return None
        if len(numbers) != _NUMBERS:
            raise ValueError("no range")
        start, end, records = numbers
        begins = start == self.start if self.known else self.start <= start < self.stop
        if not (begins and max(start, self.stop) <= end <= self.whole.source.size_bytes and records <= end - start):
            raise ValueError(f"a range from {start} to {end} of {records} records")
        return ReadRange(start, end, records)

    def begun(self, piece: memoryview) -> int | None:
        """Where a child says that a record seems to begin; None: nowhere. Raises `ValueError` if it can't be there."""
        found = whole_numbers(piece)
        if len(found) > 1 or any(not self.start <= start < self.stop for start in found):
            raise ValueError("no beginning of a range")
        return found[0] if found else None


Look = Callable[[Sequence[Cut]], list[ReadRange | None]]
"""Tasks side by side, one a cut."""


def cuts_of(pieces: Sequence[CsvObject], *, range_bytes: int, cores: int) -> list[list[Cut]]:
    """Of each object that is cut: one that is large, and more than a core's share of the input.

    Ranges are about `range_bytes` at most, and as many for each core.
    """
    total = sum(piece.source.size_bytes for piece in pieces)
    return [
        _cuts(piece, range_bytes, cores)
        for piece in pieces
        if piece.can_be_cut and piece.source.size_bytes > max(range_bytes, total // cores)
    ]


def _cuts(piece: CsvObject, range_bytes: int, cores: int) -> list[Cut]:
    size = piece.source.size_bytes
    count = math.ceil(size / range_bytes)
    count = count if count <= cores else cores * math.ceil(count / cores)
    places = sorted({size * number // count for number in range(count + 1)})
    return [Cut(piece, start, stop, known=start == 0) for start, stop in pairwise(places)]


def settled(cuts: Sequence[Sequence[Cut]], look: Look) -> list[list[CsvObject]]:
    """Of each object its ranges that hold records, whose places and numbers in it are certain."""
    found = iter(look([cut for some in cuts for cut in some]))
    return [_numbered(*_proven(some, [next(found) for _ in some], look)) for some in cuts]


def _proven(cuts: Sequence[Cut], found: Sequence[ReadRange | None], look: Look) -> tuple[CsvObject, list[ReadRange]]:
    # Where no line ends, nothing was assumed: the range before reads on.
    looked = [(cut, one) for cut, one in zip(cuts, found, strict=True) if one is not None]
    ranges = [one for _, one in looked]
    while (right := proven(ranges)) < len(ranges):
        [again] = look([replace(looked[right][0], start=ranges[right - 1].end, known=True)])
        if again is None:
            raise ValueError("a known range is always found")
        ranges[right] = again
    return cuts[0].whole, ranges


def _numbered(whole: CsvObject, ranges: Sequence[ReadRange]) -> list[CsvObject]:
    pieces, first = list[CsvObject](), 1
    for one in ranges:
        if one.records:
            pieces.append(replace(whole, part=CsvRange(one.start, one.end, first, one.records)))
        first += one.records
    return pieces
