"""What a sandboxed child says of a split, looked at before it is believed: whole numbers, texts and finished files."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chassis.sandbox.child.bins import Bins, Counting, Counts, counts_of
from chassis.sandbox.child.moments import Moments, moments_of
from chassis.sandbox.child.packing import texts_of, whole_numbers
from chassis.sandbox.child.split_progress import SplitProgress
from chassis.sandbox.output_lines import cleaned

Reason = tuple[str, str]
"""The column, empty where a line was no row at all, and what is wrong."""

_MOST_COLUMNS: Final = 20_000
_MOST_REASONS: Final = 20
_NAME, _TYPE, _REASON = 1_000, 1_000, 200
_AT_END: Final = 11
"""Pieces of the answer to `end`, beside its parts."""


@dataclass(frozen=True)
class FinishedPart:
    """A parquet file, to be stored as it is."""

    rows: int
    data: memoryview
    rejected: bool


@dataclass
class ChunkAnswer(SplitProgress):
    """What has come of a split since the last answer. Seconds are not more than have passed."""

    parts: list[FinishedPart] = field(default_factory=list[FinishedPart])


@dataclass
class SplitAnswer:
    """The end of a split.

    `columns`: names and types of its output, empty where no row was accepted. `ends_with_a_record`: no CSV text of it
    ended within quotes.
    """

    chunk: ChunkAnswer
    columns: tuple[tuple[str, str], ...] = ()
    moments: dict[str, Moments] = field(default_factory=dict[str, Moments])
    inputs: Counts | None = None
    predictions: Counts | None = None
    reasons: list[tuple[Reason, int]] = field(default_factory=list[tuple[Reason, int]])
    more_reasons: int = 0
    ends_with_a_record: bool = False


def chunk_answer(header: dict[str, Any], pieces: Sequence[memoryview], *, within_s: float) -> ChunkAnswer:
    """Raises `ValueError` and its kind where it can't be that."""
    rows, accepted, rejected = (_count(header[name]) for name in ("rows", "accepted", "rejected"))
    if accepted + rejected != rows:
        raise ValueError(f"{accepted} rows and {rejected} rejected ones of {rows}")
    score_s, count_s, write_s = (_seconds(header[name], within_s) for name in ("score_s", "count_s", "write_s"))
    parts = [
        FinishedPart(_count(said[0]), piece, bool(said[1]))
        for said, piece in zip(header["parts"], pieces[: len(header["parts"])], strict=True)
    ]
    return ChunkAnswer(rows, accepted, rejected, score_s, count_s, write_s, parts)


def split_answer(
    header: dict[str, Any], pieces: Sequence[memoryview], bins: tuple[Sequence[Bins], Sequence[Bins]], *, accepted: int,
    every: int, within_s: float
) -> SplitAnswer:  # fmt: skip
    """The answer to `end`.

    Args:
        header: as it came.
        pieces: as they came: parts first.
        bins: of inputs and of predictions, which were to be counted in.
        accepted: rows that the split's answers have named so far, without this one.
        every: one of so many rows is counted.
        within_s: since the split began.

    Raises:
        ValueError: it can't be that; also `KeyError`, `TypeError`, `IndexError`.
    """
    chunk = chunk_answer(header, pieces, within_s=within_s)
    rest = pieces[len(chunk.parts) :]
    if len(rest) != _AT_END:
        raise ValueError("pieces are missing")
    rows = accepted + chunk.accepted
    named = texts_of(rest[0], at_most=2 * _MOST_COLUMNS)
    columns = tuple((name[:_NAME], kind[:_TYPE]) for name, kind in zip(*[iter(named)] * 2, strict=True))
    moments = moments_of(rest[1:3], columns=_MOST_COLUMNS, rows=rows)
    inputs, predictions = (
        _counts(some, rest[at : at + 3], rows=rows, every=every) for some, at in zip(bins, (3, 6), strict=True)
    )
    reasons = _reasons(rest[9], rest[10])
    more = max(0, _count(header["reasons"]) - len(reasons))
    whole = header["ends_with_a_record"] is True
    return SplitAnswer(chunk, columns, moments, inputs, predictions, reasons, more, whole)


def _counts(bins: Sequence[Bins], pieces: Sequence[memoryview], *, rows: int, every: int) -> Counts | None:
    places = whole_numbers(pieces[0])
    if places != sorted(set(places)) or any(place >= len(bins) for place in places):
        raise ValueError("it counted in other bins")
    if not places:
        return None
    return counts_of(Counting(tuple(bins[place] for place in places), every), pieces[1], pieces[2], rows=rows)


def _reasons(texts: memoryview, counts: memoryview) -> list[tuple[Reason, int]]:
    """What a model's own process says is cleaned: it may be anything."""
    said = [cleaned(text, _REASON) for text in texts_of(texts, at_most=2 * _MOST_REASONS)]
    return list(zip(zip(*[iter(said)] * 2, strict=True), whole_numbers(counts), strict=True))


def _count(said: Any) -> int:
    if not isinstance(said, int) or isinstance(said, bool) or not 0 <= said < 1 << 62:
        raise ValueError(f"{str(said)[:40]} is no count")
    return said


def _seconds(said: Any, at_most: float) -> float:
    if not 0 <= float(said) < math.inf:
        raise ValueError("its seconds are no time")
    return min(float(said), at_most)
