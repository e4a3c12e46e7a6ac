"""How an input is cut: pieces that are read one by one, grouped into splits, of which Spark makes a task each."""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from services.executor.scoring.job import InputObject


@dataclass(frozen=True)
class RowGroup:
    """A parquet row group: its bytes lie in one stretch."""

    source: InputObject
    footer_start: int
    index: int
    start: int
    end: int
    rows: int
    first_row: int


@dataclass(frozen=True)
class CsvRange:
    """Whole records of a CSV object: where they lie in it, the first one's number, how many they are.

    `records` of None: nobody has counted them, and that they are whole is assumed; the first is then said to be 1.
    """

    start: int
    end: int
    first: int
    records: int | None


@dataclass(frozen=True)
class CsvObject:
    """A CSV object, read as a stream. `dialect` and `can_be_cut` are a sandboxed child's word about it.

    `part`: what is read of it, of one that is cut; None: all.
    """

    source: InputObject
    dialect: bytes
    can_be_cut: bool = False
    part: CsvRange | None = None

    @property
    def is_assumed(self) -> bool:
        return self.part is not None and self.part.records is None

    @property
    def size_bytes(self) -> int:
        return self.part.end - self.part.start if self.part else self.source.size_bytes


BYTES_PER_SPLIT: Final = 16 << 20
"""Of CSV objects that are smaller, together."""
Piece = RowGroup | CsvObject
_P = TypeVar("_P", RowGroup, CsvObject)


@dataclass(frozen=True)
class Split:
    index: int
    pieces: tuple[Piece, ...]


def group_row_groups(pieces: Sequence[RowGroup], *, rows_per_split: int, cores: int) -> list[Split]:
    """Neighbours together, about as many rows each: as few splits as the setting allows, but as many for each core.

    There are about two a core at least, if there are so many pieces.
    """
    total = sum(piece.rows for piece in pieces)
    splits = cores * max(2, math.ceil(total / (rows_per_split * cores)))
    ends = itertools.accumulate(piece.rows for piece in pieces)
    middles = (end - piece.rows / 2 for end, piece in zip(ends, pieces, strict=True))
    places = (int(middle * splits / total) for middle in middles)
    grouped = itertools.groupby(zip(places, pieces, strict=True), key=lambda placed: placed[0])
    return _number(tuple(piece for _, piece in group) for _, group in grouped)


def group_csv_objects(pieces: Sequence[CsvObject], *, bytes_per_split: int = BYTES_PER_SPLIT) -> list[Split]:
    """Small ones together; a range that is assumed alone, for what comes of it is to be told from others'."""
    weights = [math.inf if piece.is_assumed else piece.size_bytes for piece in pieces]
    return _number(_grouped(pieces, weights, bytes_per_split))


def _grouped(pieces: Sequence[_P], weights: Sequence[float], target: int) -> Iterator[tuple[_P, ...]]:
    group: list[_P] = []
    weight = 0.0
    for piece, piece_weight in zip(pieces, weights, strict=True):
        if group and weight + piece_weight > target:
            yield tuple(group)
            group, weight = [], 0.0
        group.append(piece)
        weight += piece_weight
    if group:
        yield tuple(group)


def _number(groups: Iterable[tuple[Piece, ...]]) -> list[Split]:
    return [Split(index, group) for index, group in enumerate(groups)]
