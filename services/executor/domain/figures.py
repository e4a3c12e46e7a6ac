"""An execution's figures as the bus takes them: names and numbers that keep to the schema."""

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from schemas.observations import MetricPoint
from services.executor.domain.ending import Observed

MAX_FIGURES: Final = 900
_MAX_NAME: Final = 100
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9_.:-]")
_POINTS_AN_EVENT: Final = 1_000
"""A point with four long labels takes a kilobyte, and an event a megabyte at most."""
_MAX_MESSAGE: Final = 20_000


def figures(raw: Mapping[str, float]) -> dict[str, float]:
    """Finite figures under names that may travel: a column named `Verkäufe (kg)` gives `Verk_ufe__kg__mean`."""
    named: dict[str, float] = {}
    for name, value in raw.items():
        if math.isfinite(value) and len(named) < MAX_FIGURES:
            named.setdefault(_metric_name(name), float(value))
    return named


def points(values: Mapping[str, float], time: datetime) -> tuple[MetricPoint, ...]:
    return tuple(MetricPoint(metric=name, time=time, value=value) for name, value in values.items())


def labelled_points(observed: Sequence[Observed], time: datetime) -> Iterator[tuple[MetricPoint, ...]]:
    """As many as one event may well hold, again and again; in their order."""
    for start in range(0, len(observed), _POINTS_AN_EVENT):
        some = observed[start : start + _POINTS_AN_EVENT]
        yield tuple(
            MetricPoint(metric=one.metric, time=time, value=one.value, labels=dict(one.labels) or None) for one in some
        )


def error_message(text: str) -> str:
    """Text that the schema takes, whatever a driver or a model said."""
    return text.replace("\x00", "").encode(errors="replace").decode()[:_MAX_MESSAGE]


def _metric_name(name: str) -> str:
    plain = _FOREIGN.sub("_", name)
    return (plain if plain[:1].isalpha() else f"m{plain}")[:_MAX_NAME]
