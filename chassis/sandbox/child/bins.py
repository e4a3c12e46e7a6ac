"""Bins that columns are counted in, and what was counted; adds up over chunks, splits and runs."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

from .packing import pack_real, pack_texts, pack_whole, real_numbers, texts_of, whole_numbers

SKETCH: Final = 256
"""Smallest hashes of distinct values that are kept; the estimate is off by about 6 %."""
_HASHES: Final = float(1 << 64)
_SIGN: Final = 1 << 63
Kind = Literal["number", "category", "text"]
_KINDS: Final[tuple[Kind, ...]] = ("number", "category", "text")


@dataclass(frozen=True)
class Bins:
    """How a column is counted.

    A number by `edges` (ascending, finite): below the first, from each to the next, from the last on. A category by
    those of `categories`, and the others together. A text not by its values at all: how many there are, and about how
    many different ones. Nulls, and what is not a number, are counted on their own.
    """

    name: str
    kind: Kind
    edges: tuple[float, ...] = ()
    categories: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Counts, the nulls' included, which come last."""
        return {"number": len(self.edges) + 2, "category": len(self.categories) + 2, "text": 2}[self.kind]


@dataclass(frozen=True)
class Counting:
    """Which columns are counted how; `every`: one of so many rows is looked at."""

    bins: tuple[Bins, ...]
    every: int = 1

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, raw: dict[str, Any]) -> "Counting":
        """Raises: KeyError, TypeError."""
        return cls(tuple(map(_bins_from, raw["bins"])), raw["every"])


def _bins_from(raw: dict[str, Any]) -> Bins:
    return Bins(raw["name"], raw["kind"], tuple(raw["edges"]), tuple(raw["categories"]))


@dataclass
class Counts:
    """Of each of a counting's columns, in its order. `rows`: how many were looked at."""

    counting: Counting
    rows: int = 0
    columns: list[list[int]] = field(default_factory=list[list[int]])
    sketches: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """Of texts: the smallest hashes, ascending."""

    def __post_init__(self) -> None:
        if not self.columns:
            self.columns = [[0] * bins.size for bins in self.counting.bins]

    def merge(self, other: "Counts") -> None:
        self.rows += other.rows
        for place, more in enumerate(other.columns):
            self.columns[place] = [mine + theirs for mine, theirs in zip(self.columns[place], more, strict=True)]
        for name, hashes in other.sketches.items():
            self.note(name, hashes)

    def note(self, name: str, hashes: Sequence[int]) -> None:
        """Keep the smallest of these hashes of a text column's values."""
        self.sketches[name] = sorted({*self.sketches.get(name, ()), *hashes})[:SKETCH]

    def distinct(self, name: str) -> int:
        """About how many different values a text column had among the rows that were looked at."""
        hashes = self.sketches.get(name, [])
        return len(hashes) if len(hashes) < SKETCH else round((SKETCH - 1) * _HASHES / max(1, hashes[-1]))

    def packed(self) -> tuple[bytes, bytes]:
        """Rows and counts; and for each text column how many hashes, then the hashes."""
        counts = [self.rows, *(count for column in self.columns for count in column)]
        hashes = [self.sketches.get(bins.name, []) for bins in self.counting.bins if bins.kind == "text"]
        return pack_whole(counts), pack_whole([n for each in hashes for n in (len(each), *(h - _SIGN for h in each))])


def counts_of(counting: Counting, counted: memoryview, hashed: memoryview, *, rows: int) -> Counts:
    """What a child says it has counted, of `rows` rows at most.

    Raises:
        ValueError: it can't be that.
    """
    looked_at, *counts = whole_numbers(counted) or [-1]
    if not 0 <= looked_at <= rows or (counting.every == 1 and looked_at != rows):
        raise ValueError(f"it counted {looked_at} of {rows} rows")
    columns = list[list[int]]()
    for bins in counting.bins:
        column, counts = counts[: bins.size], counts[bins.size :]
        if len(column) != bins.size or sum(column) != looked_at:
            raise ValueError("its counts don't add up")
        columns.append(column)
    if counts:
        raise ValueError("it counted what was not asked for")
    return Counts(counting, looked_at, columns, _sketches(counting, hashed))


def _sketches(counting: Counting, hashed: memoryview) -> dict[str, list[int]]:
    numbers, sketches = whole_numbers(hashed, least=-_SIGN), dict[str, list[int]]()
    for bins in counting.bins:
        if bins.kind != "text":
            continue
        count = numbers[0] if numbers else -1
        hashes, numbers = [each + _SIGN for each in numbers[1 : count + 1]], numbers[count + 1 :]
        if not 0 <= count <= SKETCH or len(hashes) != count or hashes != sorted(set(hashes)):
            raise ValueError("its sketches are none")
        sketches[bins.name] = hashes
    if numbers:
        raise ValueError("it sketched what is no text")
    return sketches


def pack_bins(bins: Sequence[Bins]) -> tuple[bytes, bytes, bytes]:
    """Names and categories; kinds with how many edges and categories; edges."""
    return (
        pack_texts([text for each in bins for text in (each.name, *each.categories)]),
        pack_whole([n for each in bins for n in (_KINDS.index(each.kind), len(each.edges), len(each.categories))]),
        pack_real([edge for each in bins for edge in each.edges]),
    )


def unpack_bins(pieces: Sequence[memoryview], *, columns: int, edges: int, categories: int) -> tuple[Bins, ...]:
    """What `pack_bins` made, within these limits. Raises `ValueError`."""
    texts = texts_of(pieces[0], at_most=columns * (categories + 1))
    shapes, values = whole_numbers(pieces[1]), real_numbers(pieces[2], finite=True)
    found = list[Bins]()
    for kind, with_edges, with_categories in zip(*[iter(shapes)] * 3, strict=True):
        name, named, texts = texts[:1], tuple(texts[1 : with_categories + 1]), texts[with_categories + 1 :]
        cut, values = tuple(values[:with_edges]), values[with_edges:]
        fits = kind < len(_KINDS) and with_edges <= edges and with_categories <= categories
        if not (fits and name and len(named) == with_categories and len(cut) == with_edges):
            raise ValueError("its bins are none")
        if list(cut) != sorted(set(cut)) or len(set(named)) != len(named):
            raise ValueError("its bins are no bins")
        found.append(Bins(name[0], _KINDS[kind], cut, named))
    if texts or values or len(found) > columns:
        raise ValueError("more bins than announced")
    return tuple(found)
