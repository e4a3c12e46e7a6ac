"""Figures about an output column that add up over splits."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from .packing import pack_real, pack_texts, real_numbers, texts_of

_FIGURES: Final = 6


@dataclass
class Moments:
    """Of the finite values of a column."""

    count: int = 0
    nulls: int = 0
    total: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def merge(self, other: "Moments") -> None:
        self.count, self.nulls = self.count + other.count, self.nulls + other.nulls
        self.total, self.squares = self.total + other.total, self.squares + other.squares
        self.low, self.high = min(self.low, other.low), max(self.high, other.high)

    def metrics(self, name: str) -> dict[str, float]:
        found: dict[str, float] = {f"{name}_not_finite": float(self.nulls)}
        if self.count:
            mean = self.total / self.count
            spread = math.sqrt(max(0.0, self.squares / self.count - mean * mean))
            found |= {f"{name}_mean": mean, f"{name}_stddev": spread, f"{name}_min": self.low, f"{name}_max": self.high}
        return {key: value for key, value in found.items() if math.isfinite(value)}


def pack_moments(columns: Mapping[str, Moments]) -> tuple[bytes, bytes]:
    """Names, and six numbers each."""
    figures = ((m.count, m.nulls, m.total, m.squares, m.low, m.high) for m in columns.values())
    return pack_texts(list(columns)), pack_real(number for each in figures for number in each)


def moments_of(pieces: Sequence[memoryview], *, columns: int, rows: int) -> dict[str, Moments]:
    """What `pack_moments` made, of so many columns at most and of `rows` rows. Raises `ValueError`."""
    names, numbers = texts_of(pieces[0], at_most=columns), real_numbers(pieces[1])
    if len(numbers) != _FIGURES * len(names):
        raise ValueError("its figures are none")
    found = dict[str, Moments]()
    for name, (count, nulls, total, squares, low, high) in zip(
        names, zip(*[iter(numbers)] * _FIGURES, strict=True), strict=True
    ):
        if not (0 <= count <= rows and 0 <= nulls <= rows):
            raise ValueError(f"it counted {count} and {nulls} of {rows} rows")
        found[name] = Moments(int(count), int(nulls), total, squares, low, high)
    return found
