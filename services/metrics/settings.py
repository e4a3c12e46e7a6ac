"""The settings of the metrics service: `MLP_METRICS_…`, and those of the chassis."""

from datetime import timedelta
from typing import Literal

from pydantic import Field

from chassis.settings import ChassisSettings, PostgresSettings, prefixed
from services.metrics.domain import Bounds

Timescale = Literal["auto", "always", "never"]


class MetricsSettings(ChassisSettings):
    """How long points are kept, and so how old they may be when they arrive; how far ahead they may lie."""

    model_config = prefixed("METRICS")

    postgres: PostgresSettings = Field(default_factory=PostgresSettings)
    timescale: Timescale = Field(
        default="auto", description="auto: where the server has it. A database stays what it was made as."
    )
    keep_metrics_days: int = Field(default=1100, ge=30, le=36_500)
    keep_series_days: int = Field(default=7300, ge=30, le=36_500, description="History is often loaded years later.")
    metrics_ahead_days: int = Field(default=1, ge=0, le=36_500, description="Room for clocks that disagree.")
    series_ahead_days: int = Field(default=1830, ge=0, le=36_500, description="Room for forecasts.")
    upkeep_every_s: float = Field(default=3600.0, gt=0)

    @property
    def bounds_of_metrics(self) -> Bounds:
        return _bounds(self.keep_metrics_days, self.metrics_ahead_days)

    @property
    def bounds_of_series(self) -> Bounds:
        return _bounds(self.keep_series_days, self.series_ahead_days)


def _bounds(past_days: int, ahead_days: int) -> Bounds:
    return Bounds(past=timedelta(days=past_days), ahead=timedelta(days=ahead_days))
