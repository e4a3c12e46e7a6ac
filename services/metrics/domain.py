"""Which points are stored, and why the others aren't."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

# Sums over any number of values up to this stay finite: a rollup must not break on what it adds up.
LARGEST_VALUE: Final = 1e280


class Rejection(StrEnum):
    """Why a point is set aside."""

    TOO_OLD = "too-old"
    TOO_FAR_AHEAD = "too-far-ahead"
    TOO_LARGE = "too-large"


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """How far from the arrival of its event a point's time may lie."""

    past: timedelta
    ahead: timedelta

    def rejection(self, time: datetime, value: float, *, arrived_at: datetime) -> Rejection | None:
        """Why a point isn't stored, or None.

        Args:
            time: of the point.
            value: of the point.
            arrived_at: the record's own time and not this process's, so that a redelivery is judged the same.
        """
        if time < arrived_at - self.past:
            return Rejection.TOO_OLD
        if time > arrived_at + self.ahead:
            return Rejection.TOO_FAR_AHEAD
        if abs(value) > LARGEST_VALUE:
            return Rejection.TOO_LARGE
        return None
