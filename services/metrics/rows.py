"""Rows of the tables; the fields of each are its columns."""

from datetime import datetime
from typing import NamedTuple


class MetricRow(NamedTuple):
    """A row of `metrics`."""

    time: datetime
    model_id: str
    model_version: int | None
    deployment_id: str | None
    execution_id: str | None
    market: str | None
    brand: str | None
    metric: str
    value: float
    labels: str
    source: str
    event_id: str
    point_no: int


class SeriesRow(NamedTuple):
    """A row of `timeseries_data`."""

    time: datetime
    series_id: str
    value: float
    labels: str
    source: str
    event_id: str
    point_no: int


class ExecutionRow(NamedTuple):
    """A row of `executions`."""

    finished_at: datetime
    execution_id: str
    deployment_id: str
    deployment_revision: int
    model_id: str
    model_version: int
    market: str
    brand: str | None
    trigger: str
    status: str
    attempt: int
    requested_by: str
    requested_at: datetime
    started_at: datetime | None
    logical_date: datetime | None
    queue_s: float
    duration_s: float
    rows_in: int
    rows_out: int
    rows_rejected: int
    metrics: str
    error_code: str | None
    error_message: str | None
    output_uri: str | None
    manifest_uri: str | None
    manifest_sha256: str | None
    log_uri: str | None
    request_id: str
    source: str
    event_id: str
    correlation_id: str
    causation_id: str | None


class RejectedRow(NamedTuple):
    """A row of `rejected_points`."""

    arrived_at: datetime
    reason: str
    time: datetime
    event_type: str
    subject: str
    metric: str | None
    value: float
    labels: str
    source: str
    event_id: str
    point_no: int


Row = MetricRow | SeriesRow | ExecutionRow | RejectedRow
