"""Values counted in fixed bins: counts of chunks, splits and runs add up. The same on both sides of the sandbox."""

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .compute import pc

SKETCH: Final = 256
"""Smallest hashes of distinct values that are kept; the estimate is off by about 6 %."""
_HASHES: Final = float(1 << 64)
Kind = Literal["number", "category", "text"]


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
    columns: list[npt.NDArray[np.int64]] = field(default_factory=list[npt.NDArray[np.int64]])
    sketches: dict[str, list[int]] = field(default_factory=dict[str, list[int]])
    """Of texts: the smallest hashes, ascending."""

    def __post_init__(self) -> None:
        if not self.columns:
            self.columns = [np.zeros(bins.size, np.int64) for bins in self.counting.bins]

    def add(self, columns: Mapping[str, pa.Array], rows: int) -> None:
        """Count a batch, or its share of it."""
        picked = _picked(rows, self.counting.every)
        self.rows += rows if picked is None else len(picked)
        for place, bins in enumerate(self.counting.bins):
            values = columns[bins.name]
            self.columns[place] += self._count(values if picked is None else values.take(picked), bins)

    def merge(self, other: "Counts") -> None:
        self.rows += other.rows
        for place, more in enumerate(other.columns):
            self.columns[place] += more
        for name, hashes in other.sketches.items():
            self._note(name, hashes)

    def distinct(self, name: str) -> int:
        """About how many different values a text column had among the rows that were looked at."""
        hashes = self.sketches.get(name, [])
        return len(hashes) if len(hashes) < SKETCH else round((SKETCH - 1) * _HASHES / max(1, hashes[-1]))

    def to_dict(self) -> dict[str, Any]:
        return {"rows": self.rows, "columns": [one.tolist() for one in self.columns], "sketches": self.sketches}

    def _count(self, values: pa.Array, bins: Bins) -> npt.NDArray[np.int64]:
        if bins.kind == "number":
            return _count_numbers(numbers_of(values), bins)
        if bins.kind == "category":
            return _count_categories(texts_of(values), bins)
        texts = texts_of(values).drop_null()
        self._note(bins.name, _hashes(texts))
        return np.array([len(texts), len(values) - len(texts)], np.int64)

    def _note(self, name: str, hashes: Sequence[int]) -> None:
        self.sketches[name] = sorted({*self.sketches.get(name, ()), *hashes})[:SKETCH]


def numbers_of(values: pa.Array) -> npt.NDArray[np.float64]:
    """Nulls are NaN; times are nanoseconds since 1970."""
    if pa.types.is_timestamp(values.type):
        values = values.cast(pa.int64())
    return np.asarray(values.to_numpy(zero_copy_only=False), np.float64)


def texts_of(values: pa.Array) -> pa.Array:
    return values if pa.types.is_binary(values.type) else values.cast(pa.string())


def bins_of(name: str, values: pa.Array, *, bins: int, categories: int) -> Bins | None:
    """Bins that suit a sample: as many numbers in each, or the categories themselves.

    Args:
        name: the column's.
        values: the sample.
        bins: of numbers; fewer where values repeat.
        categories: a text with more different values, or one whose values hardly repeat, is not counted by value.

    Returns:
        None for a type that isn't counted.
    """
    kind = values.type
    if pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind):
        return Bins(name, "number", edges=_edges(numbers_of(values), bins))
    if pa.types.is_boolean(kind) or pa.types.is_string(kind):
        return _text_bins(name, texts_of(values).drop_null(), categories)
    return Bins(name, "text") if pa.types.is_binary(kind) else None


def _edges(numbers: npt.NDArray[np.float64], bins: int) -> tuple[float, ...]:
    finite = numbers[np.isfinite(numbers)]
    if not len(finite):
        return ()
    inner = np.quantile(finite, np.linspace(0, 1, bins + 1), method="lower")
    # The largest value belongs to the last bin and not to what lies above all bins.
    above = math.nextafter(float(finite.max()), math.inf)
    found = sorted({*(float(edge) for edge in inner[:-1]), above})
    return tuple(edge for edge in found if math.isfinite(edge))


_REPEATED: Final = 10
_LONGEST: Final = 100


def _text_bins(name: str, texts: pa.Array, categories: int) -> Bins:
    """Values are kept only where they are few and each stands for many rows: else they might be persons'."""
    found = sorted(texts.unique().to_pylist())
    fit = all(len(text) <= _LONGEST and text.isprintable() and text.strip() for text in found)
    if fit and found and len(found) <= categories and len(found) * _REPEATED <= len(texts):
        return Bins(name, "category", categories=tuple(found))
    return Bins(name, "text")


def _picked(rows: int, every: int) -> pa.Array | None:
    """One row of each `every` neighbours, not always the same one: data often have a rhythm. None: all."""
    if every <= 1:
        return None
    starts = np.arange(0, rows, every, dtype=np.int64)
    picked = starts + np.random.default_rng().integers(0, every, len(starts))
    return pa.array(picked[picked < rows])


def _count_numbers(numbers: npt.NDArray[np.float64], bins: Bins) -> npt.NDArray[np.int64]:
    missing = np.isnan(numbers)
    nulls = int(np.count_nonzero(missing))
    present = numbers[~missing] if nulls else numbers
    places = np.searchsorted(np.asarray(bins.edges), present, side="right")
    return np.append(np.bincount(places, minlength=bins.size - 1), nulls)


def _count_categories(texts: pa.Array, bins: Bins) -> npt.NDArray[np.int64]:
    places = pc.index_in(texts, value_set=pa.array(bins.categories, pa.string())).drop_null().to_numpy()
    counts = np.bincount(places, minlength=bins.size - 2).astype(np.int64)
    return np.append(counts, [len(texts) - texts.null_count - len(places), texts.null_count])


def _hashes(texts: pa.Array) -> list[int]:
    """The smallest hashes of different values; the same on every machine."""
    hashing: Any = importlib.import_module("pandas.util")
    found = texts.unique().to_pylist()
    if not found:
        return []
    plain = [each.decode("latin-1") if isinstance(each, bytes) else each for each in found]
    hashes: npt.NDArray[np.uint64] = hashing.hash_array(np.array(plain, dtype=object))
    return np.sort(hashes)[:SKETCH].tolist()
