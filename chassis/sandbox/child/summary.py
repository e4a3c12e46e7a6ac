"""Figures about predictions, as they come."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from .moments import Moments


@dataclass
class PredictionSummary:
    """Moments of every numeric output column."""

    columns: dict[str, Moments] = field(default_factory=dict[str, Moments])

    def add(self, predictions: pa.Table) -> None:
        for column in predictions.schema:
            kind = column.type
            if pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind):
                values = predictions.column(column.name)
                whole = values.cast(pa.int8()) if pa.types.is_boolean(kind) else values
                for chunk in whole.chunks:
                    # Nulls come as NaN.
                    numbers = np.asarray(chunk.to_numpy(zero_copy_only=False), np.float64)
                    _add(self.columns.setdefault(column.name, Moments()), numbers)


def _add(moments: Moments, numbers: npt.NDArray[np.float64]) -> None:
    flags = np.isfinite(numbers)
    finite = numbers if flags.all() else numbers[flags]
    more = Moments(len(finite), len(numbers) - len(finite))
    if len(finite):
        with np.errstate(over="ignore"):
            more.total, more.squares = float(finite.sum()), float(finite @ finite)
        more.low, more.high = float(finite.min()), float(finite.max())
    moments.merge(more)
