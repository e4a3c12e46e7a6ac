"""Figures about predictions that add up over splits."""

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa


@dataclass
class Moments:
    """Of the finite values of a column."""

    count: int = 0
    nulls: int = 0
    total: float = 0.0
    squares: float = 0.0
    low: float = math.inf
    high: float = -math.inf

    def add(self, values: pa.ChunkedArray) -> None:
        for chunk in values.chunks:
            # Nulls come as NaN.
            self._add(np.asarray(chunk.to_numpy(zero_copy_only=False), np.float64))

    def _add(self, numbers: npt.NDArray[np.float64]) -> None:
        flags = np.isfinite(numbers)
        finite = numbers if flags.all() else numbers[flags]
        self.nulls += len(numbers) - len(finite)
        if not len(finite):
            return
        self.count += len(finite)
        with np.errstate(over="ignore"):
            self.total += float(finite.sum())
            self.squares += float(finite @ finite)
        self.low, self.high = min(self.low, float(finite.min())), max(self.high, float(finite.max()))

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


@dataclass
class PredictionSummary:
    """Moments of every numeric output column."""

    columns: dict[str, Moments] = field(default_factory=dict[str, Moments])

    def add(self, predictions: pa.Table) -> None:
        for column in predictions.schema:
            if (
                pa.types.is_floating(column.type)
                or pa.types.is_integer(column.type)
                or pa.types.is_boolean(column.type)
            ):
                values = predictions.column(column.name)
                whole = values.cast(pa.int8()) if pa.types.is_boolean(column.type) else values
                self.columns.setdefault(column.name, Moments()).add(whole)

    def merge(self, other: "PredictionSummary") -> None:
        for name, moments in other.columns.items():
            self.columns.setdefault(name, Moments()).merge(moments)

    def metrics(self) -> dict[str, float]:
        return {key: value for name, one in self.columns.items() for key, value in one.metrics(name).items()}
