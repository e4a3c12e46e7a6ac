from datetime import timedelta

import pytest

from services.metrics.domain import Bounds
from services.metrics.projection import Projection
from services.metrics.rows import ExecutionRow, MetricRow, RejectedRow, SeriesRow
from tests.integration.metrics.events import FINISHED, METRICS, NOW, SERIES, finished, metrics, series, taken

YEAR = timedelta(days=365)
PROJECTION = Projection(metrics=Bounds(past=YEAR, ahead=timedelta(0)), series=Bounds(past=20 * YEAR, ahead=YEAR))


def rows(ce_type, body, **options):
    return list(PROJECTION.rows(*taken(ce_type, body, **options)))


def test_each_metric_point_is_a_row_that_names_its_event_and_its_place_in_it():
    found = rows(METRICS, metrics("demand", market="FR", model_version=2), event_id="e1")

    assert [type(each) for each in found] == [MetricRow] * 3
    assert [(each.event_id, each.point_no, each.value) for each in found] == [
        ("e1", 0, 0.0),
        ("e1", 1, 1.0),
        ("e1", 2, 2.0),
    ]
    assert {(each.model_id, each.model_version, each.market, each.brand) for each in found} == {
        ("demand", 2, "FR", None)
    }


def test_a_forecast_may_lie_ahead_where_a_metric_may_not():
    ahead = NOW + timedelta(days=30)

    assert {type(each) for each in rows(SERIES, series("sales", start=ahead))} == {SeriesRow}
    assert {each.reason for each in rows(METRICS, metrics("demand", start=ahead))} == {"too-far-ahead"}


def test_a_rejected_point_keeps_its_number_and_all_that_it_said():
    old = {"metric": "mae", "time": "1999-12-31T00:00:00Z", "value": 4.5, "labels": {"b": "2", "a": "1"}}
    body = metrics("demand")
    body["points"].insert(1, old)

    found = rows(METRICS, body)

    assert [each.point_no for each in found] == [0, 1, 2, 3]
    rejected = found[1]
    assert isinstance(rejected, RejectedRow)
    assert (rejected.reason, rejected.subject, rejected.metric, rejected.value, rejected.labels) == (
        "too-old", "demand", "mae", 4.5, '{"a":"1","b":"2"}',
    )  # fmt: skip


def test_an_execution_walks_back_to_what_caused_it():
    (row,) = rows(FINISHED, finished("demand"), event_id="e1")

    assert isinstance(row, ExecutionRow)
    assert (row.source, row.event_id, row.correlation_id, row.causation_id) == ("/upstream/test", "e1", "e1", "cause")
    assert (row.request_id, row.manifest_sha256, row.metrics) == ("request-1", "0" * 64, '{"rows_per_s":123.75}')


@pytest.mark.parametrize("absent", ["output", "started_at", "brand"])
def test_a_failed_execution_lacks_what_it_never_had(absent):
    body = finished("demand", status="failed", error={"code": "input-empty", "message": "no rows"})
    del body[absent]

    (row,) = rows(FINISHED, body)

    assert isinstance(row, ExecutionRow)
    assert (row.status, row.error_code, row.error_message) == ("failed", "input-empty", "no rows")
