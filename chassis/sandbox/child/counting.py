"""Values counted in fixed bins, and bins that suit a sample."""

import importlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .bins import SKETCH, Bins, Counting, Counts
from .compute import pc


@dataclass
class Counter:
    """Counts batches."""

    counting: Counting
    _columns: list[npt.NDArray[np.int64]] = field(init=False)
    _counts: Counts = field(init=False)

    def __post_init__(self) -> None:
        self._columns = [np.zeros(bins.size, np.int64) for bins in self.counting.bins]
        self._counts = Counts(self.counting)

    @property
    def counts(self) -> Counts:
        """What has been counted so far."""
        self._counts.columns = [column.tolist() for column in self._columns]
        return self._counts

    def add(self, columns: Mapping[str, pa.Array], rows: int) -> None:
        """Count a batch, or its share of it."""
        picked = _picked(rows, self.counting.every)
        self._counts.rows += rows if picked is None else len(picked)
        for place, bins in enumerate(self.counting.bins):
            values = columns[bins.name]
            self._columns[place] += self._count(values if picked is None else values.take(picked), bins)

    def _count(self, values: pa.Array, bins: Bins) -> npt.NDArray[np.int64]:
        if bins.kind == "number":
            return _count_numbers(numbers_of(values), bins)
        if bins.kind == "category":
            return _count_categories(texts_of(values), bins)
        texts = texts_of(values).drop_null()
        self._counts.note(bins.name, _hashes(texts))
        return np.array([len(texts), len(values) - len(texts)], np.int64)


def counting_of(bins: Sequence[Bins], schema: pa.Schema, *, every: int) -> Counting | None:
    """How columns of these types are counted: those that have fitting bins. None where none has."""
    chosen = [each for each in bins if each.name in schema.names and _fits(each, schema.field(each.name).type)]
    return Counting(tuple(chosen), every) if chosen else None


def _fits(bins: Bins, kind: pa.DataType) -> bool:
    if bins.kind == "number":
        return pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_timestamp(kind)
    return pa.types.is_string(kind) or pa.types.is_boolean(kind) or (bins.kind == "text" and pa.types.is_binary(kind))


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
