from datetime import UTC, datetime, timedelta

import pytest

from services.metrics.domain import LARGEST_VALUE, Bounds, Rejection

ARRIVED = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
BOUNDS = Bounds(past=timedelta(days=30), ahead=timedelta(days=1))


@pytest.mark.parametrize(
    ("days", "value", "expected"),
    [
        (0, 1.0, None),
        (-30, 1.0, None),
        (-30.001, 1.0, Rejection.TOO_OLD),
        (1, 1.0, None),
        (1.001, 1.0, Rejection.TOO_FAR_AHEAD),
        (0, -LARGEST_VALUE, None),
        (0, -1.1 * LARGEST_VALUE, Rejection.TOO_LARGE),
    ],
)
def test_a_point_is_judged_by_its_time_and_its_size(days, value, expected):
    assert BOUNDS.rejection(ARRIVED + timedelta(days=days), value, arrived_at=ARRIVED) is expected


@pytest.mark.parametrize("time", [datetime(1, 1, 1, tzinfo=UTC), datetime.max.replace(tzinfo=UTC)])
def test_the_ends_of_the_calendar_are_no_trouble(time):
    assert BOUNDS.rejection(time, 0.0, arrived_at=ARRIVED) is not None
