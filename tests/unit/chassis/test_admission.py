import pytest

from chassis.bus.admission import admit, read_message
from chassis.errors import SubjectMismatch
from schemas.topics import METRIC_OBSERVATIONS, MODEL_REQUESTS

from .conftest import promotion, record


async def test_a_subject_that_is_said_in_two_ways_is_told_with_all_places_where_it_stands(clock):
    other = record(promotion(), clock, key=b"other")

    with pytest.raises(SubjectMismatch, match="must be the same") as refused:
        admit(read_message(other, MODEL_REQUESTS), other, MODEL_REQUESTS, clock)

    assert all(each in refused.value.message for each in ("key ('other')", "ce_subject", "body ('demand')"))


async def test_an_observation_stays_true_however_long_its_reader_was_away(clock):
    point = {"time": "2026-03-01T00:00:00Z", "value": 1.0}
    old = record(
        {"series_id": "demand", "points": [point]}, clock, ce_type="ml.SeriesObserved.v1", topic=METRIC_OBSERVATIONS,
        age_s=6 * 24 * 3600,
    )  # fmt: skip

    assert admit(read_message(old, METRIC_OBSERVATIONS), old, METRIC_OBSERVATIONS, clock).series_id == "demand"
