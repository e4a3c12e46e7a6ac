"""Events as they reach the metrics service; a test's own names keep it apart from the others."""

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from chassis.bus.batch import Taken
from chassis.bus.delivery import ANONYMOUS, Delivery
from chassis.bus.envelope import Envelope, rfc3339
from schemas.catalogue import parse

METRICS, SERIES, FINISHED = "ml.MetricsObserved.v1", "ml.SeriesObserved.v1", "ml.ExecutionFinished.v1"
NOW = datetime.now(UTC).replace(microsecond=0)


def metrics(model_id: str, *, points: int = 3, start: datetime = NOW, value: float = 0.0, **more: Any) -> dict:
    return {
        "model_id": model_id,
        "points": [
            {"metric": "mae", "time": rfc3339(start - timedelta(minutes=7 * n)), "value": value + n}
            for n in range(points)
        ],
        **more,
    }


def series(series_id: str, *, points: int = 3, start: datetime = NOW) -> dict:
    return {
        "series_id": series_id,
        "points": [
            {"time": rfc3339(start + timedelta(days=7 * n)), "value": 1.5 * n, "labels": {"kind": "forecast"}}
            for n in range(points)
        ],
    }


def finished(model_id: str, **more: Any) -> dict:
    return {
        "execution_id": str(uuid4()),
        "deployment_id": f"{model_id}-fr",
        "deployment_revision": 2,
        "model_id": model_id,
        "model_version": 3,
        "market": "FR",
        "brand": "Aube",
        "trigger": "manual",
        "requested_by": "anonymous",
        "requested_at": rfc3339(NOW - timedelta(seconds=9)),
        "request_id": "request-1",
        "attempt": 1,
        "status": "succeeded",
        "started_at": rfc3339(NOW - timedelta(seconds=8)),
        "finished_at": rfc3339(NOW),
        "duration_s": 8.0,
        "queue_s": 1.0,
        "rows_in": 1000,
        "rows_out": 990,
        "rows_rejected": 10,
        "output": {
            "uri": "s3://results/demand-fr/attempt-1/",
            "manifest_uri": "s3://results/demand-fr/attempt-1/manifest.json",
            "manifest_sha256": "0" * 64,
        },
        "metrics": {"rows_per_s": 123.75},
        **more,
    }


def taken(ce_type: str, body: dict, *, event_id: str | None = None, arrived_at: datetime = NOW) -> Taken:
    """As a line would hand it to the store."""
    envelope = Envelope(id=event_id or str(uuid4()), source="/upstream/test", type=ce_type, causation_id="cause")
    delivery = Delivery(envelope=envelope, actor=ANONYMOUS, topic="any", partition=0, offset=0, timestamp=arrived_at)
    return parse(ce_type, body), delivery
