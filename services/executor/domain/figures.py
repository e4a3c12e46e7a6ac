"""An execution's figures as the bus takes them: names and numbers that keep to the schema."""

import math
import re
from collections.abc import Mapping
from datetime import datetime
from typing import Final

from schemas.observations import MetricPoint

MAX_FIGURES: Final = 900
_MAX_NAME: Final = 100
_FOREIGN: Final = re.compile(r"[^A-Za-z0-9_.:-]")
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


def error_message(text: str) -> str:
    """Text that the schema takes, whatever a driver or a model said."""
    return text.replace("\x00", "").encode(errors="replace").decode()[:_MAX_MESSAGE]


def _metric_name(name: str) -> str:
    plain = _FOREIGN.sub("_", name)
    return (plain if plain[:1].isalpha() else f"m{plain}")[:_MAX_NAME]
