"""Large CSV objects in ranges that are scored at once: where a record seems to begin behind each cut.

The object's first range begins with a record. One that does, and that doesn't end within quotes, shows that the next
one does as well. So what came of all of them shows whether they were cut rightly, and how their records are numbered.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise

from services.executor.scoring.planning import JobPlan, csv_pieces
from services.executor.scoring.ranges import Cut, cuts_of
from services.executor.scoring.splits import CsvObject, CsvRange, group_csv_objects

Begin = Callable[[Cut], int | None]
"""Where a record seems to begin, at the cut or behind it; None where none does."""


def in_likely_ranges(plan: JobPlan, begin: Begin, *, range_bytes: int, cores: int) -> JobPlan:
    """The same; tasks share large CSV objects, if a record seems to begin behind each cut of all of them."""
    pieces = csv_pieces(plan)
    ranges = dict[CsvObject, list[CsvObject]]()
    for cuts in cuts_of(pieces, range_bytes=range_bytes, cores=cores):
        starts = [0]
        for cut in cuts[1:]:
            found = begin(cut)
            if found is None:
                return plan
            starts.append(found)
        whole = cuts[0].whole
        edges = pairwise([*starts, whole.source.size_bytes])
        ranges[whole] = [replace(whole, part=CsvRange(start, end, 1, None)) for start, end in edges]
    if not ranges:
        return plan
    parts = [part for piece in pieces for part in ranges.get(piece, [piece])]
    return replace(plan, splits=tuple(group_csv_objects(parts)))


def in_whole_objects(plan: JobPlan) -> JobPlan:
    """The same, with no object cut."""
    wholes = dict.fromkeys(replace(piece, part=None) for piece in csv_pieces(plan))
    return replace(plan, splits=tuple(group_csv_objects(list(wholes))))


def is_assumed(plan: JobPlan) -> bool:
    return any(piece.is_assumed for piece in csv_pieces(plan))


def is_proven(plan: JobPlan, ends_with_a_record: Mapping[int, bool]) -> bool:
    """Whether each assumed range's split does, where another follows."""
    return all(
        ends_with_a_record[split]
        for split, piece in _assumed(plan)
        if piece.part and piece.part.end < piece.source.size_bytes
    )


def records_before(plan: JobPlan, records: Mapping[int, int]) -> dict[int, int]:
    """Of each assumed range's split: how many records of its object stand before it, by how many all splits have."""
    before, counted = dict[int, int](), dict[str, int]()
    for split, piece in _assumed(plan):
        before[split] = counted.get(piece.source.key, 0)
        counted[piece.source.key] = before[split] + records[split]
    return before


def _assumed(plan: JobPlan) -> list[tuple[int, CsvObject]]:
    """Each is alone in its split."""
    return [
        (split.index, piece)
        for split in plan.splits
        for piece in split.pieces
        if isinstance(piece, CsvObject) and piece.is_assumed
    ]
