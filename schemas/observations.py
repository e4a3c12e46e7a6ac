"""Observations: figures about models, and business time series."""

from collections.abc import Mapping
from typing import Annotated, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from schemas.event import Event, Kind, Wire
from schemas.ids import Brand, DeploymentId, ExecutionId, MetricName, ModelId, ModelVersion, SeriesId
from schemas.lists import NotEmpty
from schemas.scalars import Labels, Number, Ordinal, UtcTime
from schemas.topics import EXECUTION_OBSERVATIONS, METRIC_OBSERVATIONS, Topic
from schemas.values import Market

MAX_POINTS = 10_000


class MetricPoint(Wire):
    """One figure."""

    metric: MetricName
    time: UtcTime = Field(description="When it held.")
    value: Number = Field(description="The figure.")
    labels: Annotated[Labels, Field(description="What tells it from others of its name.")] | None = None


class SeriesPoint(Wire):
    """One figure of a time series."""

    time: UtcTime = Field(description="When it held.")
    value: Number = Field(description="The figure.")
    labels: Annotated[Labels, Field(description="What tells it from others at its time.")] | None = None


class MetricsObserved(
    Event,
    type="ml.MetricsObserved.v1",
    topic=(EXECUTION_OBSERVATIONS, METRIC_OBSERVATIONS),
    kind=Kind.OBSERVATION,
    subject="model_id",
):
    """Figures about a model. The executor's name their execution and attempt; an outsider's may not."""

    model_id: ModelId
    model_version: ModelVersion | None = None
    deployment_id: DeploymentId | None = None
    market: Market | None = None
    brand: Brand | None = None
    points: Annotated[tuple[MetricPoint, ...], Field(max_length=MAX_POINTS), NotEmpty()] = Field(
        description="The figures."
    )
    execution_id: ExecutionId | None = Field(default=None, description="The execution that they come from.")
    attempt: Ordinal | None = Field(default=None, description="The attempt that they come from.")

    @model_validator(mode="after")
    def _names_execution_and_attempt_together(self) -> Self:
        if (self.execution_id is None) != (self.attempt is None):
            raise PydanticCustomError(
                "attempt", "execution_id and attempt must be given together", {"field": "attempt"}
            )
        return self

    def violations_on(self, topic: Topic) -> Mapping[str, str]:
        if topic == METRIC_OBSERVATIONS and self.execution_id is not None:
            return {"execution_id": "only the executor's own observations may name an execution"}
        if topic == EXECUTION_OBSERVATIONS and self.execution_id is None:
            return {"execution_id": "the executor's observations must name their execution"}
        return super().violations_on(topic)


class SeriesObserved(
    Event, type="ml.SeriesObserved.v1", topic=METRIC_OBSERVATIONS, kind=Kind.OBSERVATION, subject="series_id"
):
    """Figures of a business time series, such as true sales or forecasts."""

    series_id: SeriesId
    points: Annotated[tuple[SeriesPoint, ...], Field(max_length=MAX_POINTS), NotEmpty()] = Field(
        description="The figures."
    )
