"""From an event to its rows."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from chassis.bus.delivery import Delivery
from schemas.event import Event
from schemas.executions import ExecutionFinished
from schemas.observations import MetricPoint, MetricsObserved, SeriesObserved, SeriesPoint
from services.metrics.domain import Bounds, Rejection
from services.metrics.rows import ExecutionRow, MetricRow, RejectedRow, Row, SeriesRow


@dataclass(frozen=True, kw_only=True)
class Projection:
    """The rows of an event: the same ones, with the same keys, however often it is delivered."""

    metrics: Bounds
    series: Bounds

    def rows(self, event: Event, delivery: Delivery) -> Iterator[Row]:
        match event:
            case MetricsObserved():
                yield from self._metrics(event, delivery)
            case SeriesObserved():
                yield from self._series(event, delivery)
            case ExecutionFinished():
                yield _execution(event, delivery)
            case _:
                raise TypeError(f"{event.event_type} has no table")

    def _metrics(self, event: MetricsObserved, delivery: Delivery) -> Iterator[Row]:
        for number, point in enumerate(event.points):
            rejection = self.metrics.rejection(point.time, point.value, arrived_at=delivery.timestamp)
            if rejection is not None:
                yield _rejected(event, delivery, point, number, rejection)
                continue
            yield MetricRow(
                time=point.time,
                model_id=event.model_id,
                model_version=event.model_version,
                deployment_id=event.deployment_id,
                execution_id=event.execution_id,
                market=event.market,
                brand=event.brand,
                metric=point.metric,
                value=point.value,
                labels=_json(point.labels),
                source=delivery.envelope.source,
                event_id=delivery.envelope.id,
                point_no=number,
            )

    def _series(self, event: SeriesObserved, delivery: Delivery) -> Iterator[Row]:
        for number, point in enumerate(event.points):
            rejection = self.series.rejection(point.time, point.value, arrived_at=delivery.timestamp)
            if rejection is not None:
                yield _rejected(event, delivery, point, number, rejection)
                continue
            yield SeriesRow(
                time=point.time,
                series_id=event.series_id,
                value=point.value,
                labels=_json(point.labels),
                source=delivery.envelope.source,
                event_id=delivery.envelope.id,
                point_no=number,
            )


def _rejected(
    event: Event, delivery: Delivery, point: MetricPoint | SeriesPoint, number: int, rejection: Rejection
) -> RejectedRow:
    return RejectedRow(
        arrived_at=delivery.timestamp,
        reason=rejection.value,
        time=point.time,
        event_type=event.event_type,
        subject=event.subject,
        metric=point.metric if isinstance(point, MetricPoint) else None,
        value=point.value,
        labels=_json(point.labels),
        source=delivery.envelope.source,
        event_id=delivery.envelope.id,
        point_no=number,
    )


def _execution(event: ExecutionFinished, delivery: Delivery) -> ExecutionRow:
    output, error = event.output, event.error
    return ExecutionRow(
        finished_at=event.finished_at,
        execution_id=event.execution_id,
        deployment_id=event.deployment_id,
        deployment_revision=event.deployment_revision,
        model_id=event.model_id,
        model_version=event.model_version,
        market=event.market,
        brand=event.brand,
        trigger=event.trigger,
        status=event.status,
        attempt=event.attempt,
        requested_by=event.requested_by,
        requested_at=event.requested_at,
        started_at=event.started_at,
        logical_date=event.logical_date,
        queue_s=event.queue_s,
        duration_s=event.duration_s,
        rows_in=event.rows_in,
        rows_out=event.rows_out,
        rows_rejected=event.rows_rejected,
        metrics=_json(event.metrics),
        error_code=error.code if error else None,
        error_message=error.message if error else None,
        output_uri=output.uri if output else None,
        manifest_uri=output.manifest_uri if output else None,
        manifest_sha256=output.manifest_sha256 if output else None,
        log_uri=event.log_uri,
        request_id=event.request_id,
        source=delivery.envelope.source,
        event_id=delivery.envelope.id,
        correlation_id=delivery.cause.correlation_id,
        causation_id=delivery.envelope.causation_id,
    )


def _json(values: Mapping[str, object] | None) -> str:
    return json.dumps(values, separators=(",", ":"), sort_keys=True) if values else "{}"
