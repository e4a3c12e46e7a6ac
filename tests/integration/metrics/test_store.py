"""The store on the real table: once, in whatever order and cut the events come."""

import random
from datetime import timedelta

import asyncpg
import pytest

from chassis.bus.envelope import rfc3339
from chassis.sandbox.child.counting import Bins, Counting, Counts
from services.executor.scoring.histograms import observations

from .conftest import fetch
from .events import FINISHED, METRICS, NOW, SERIES, finished, metrics, series, taken

CONTENT = {
    "metrics": "SELECT model_id, metric, time, value, event_id, point_no FROM metrics ORDER BY event_id, point_no",
    "timeseries_data": "SELECT series_id, time, value, event_id FROM timeseries_data ORDER BY event_id, point_no",
    "executions": "SELECT execution_id, model_id, status, event_id FROM executions ORDER BY event_id",
    "rejected_points": "SELECT reason, subject, event_id, point_no FROM rejected_points ORDER BY event_id, point_no",
    "metrics_hourly": "SELECT hour, model_id, market, points, round(mean::numeric, 9), minimum, maximum "
    "FROM metrics_hourly ORDER BY model_id, hour, market",
    "executions_daily": "SELECT * FROM executions_daily ORDER BY deployment_id",
}


def some_events(count=4):
    for number in range(count):
        yield taken(METRICS, metrics(f"model-{number}", points=40, market="FR"), event_id=f"m{number}")
        yield taken(
            METRICS, metrics(f"model-{number}", points=9, start=NOW - timedelta(days=4000)), event_id=f"o{number}"
        )
        yield taken(SERIES, series(f"sales-{number}", points=70), event_id=f"s{number}")
        yield taken(FINISHED, finished(f"model-{number}"), event_id=f"f{number}")


def cuts(events, chance):
    while events:
        size = chance.randint(1, len(events))
        yield events[:size]
        events = events[size:]


async def content(tables):
    return {name: await fetch(tables, query) for name, query in CONTENT.items()}


@pytest.mark.parametrize("seed", range(5))
async def test_events_delivered_again_shuffled_and_cut_anyhow_leave_the_same_rows(tables, store, seed):
    events = list(some_events())
    await store.store(events)
    expected = await content(tables)
    async with tables.transaction() as connection:
        await connection.execute(
            "TRUNCATE metrics, timeseries_data, executions, rejected_points, "
            "metrics_hourly_rollup, executions_daily_rollup"
        )

    chance = random.Random(seed)  # noqa: S311 - for its repeatability
    deliveries = [event for event in events for _ in range(chance.randint(1, 3))]
    chance.shuffle(deliveries)
    for cut in cuts(deliveries, chance):
        await store.store(cut)

    assert await content(tables) == expected
    assert [len(rows) for rows in expected.values()][:4] == [160, 280, 4, 36]


async def test_a_batch_that_holds_an_event_twice_stores_it_once(tables, store):
    event = taken(METRICS, metrics("demand"))

    await store.store([event, event])

    assert len(await fetch(tables, "SELECT 1 FROM metrics")) == 3


async def test_a_rollup_counts_what_is_in_the_table(tables, store):
    for value in (0.0, 10.0):
        await store.store([taken(METRICS, metrics("demand", points=50, value=value))])

    rolled_up = await fetch(tables, "SELECT hour, points, mean, minimum, maximum FROM metrics_hourly ORDER BY hour")

    assert rolled_up == await fetch(
        tables,
        "SELECT date_trunc('hour', time, 'UTC') AS hour, count(*), avg(value), min(value), max(value) "
        "FROM metrics GROUP BY hour ORDER BY hour",
    )


@pytest.mark.parametrize("which", ["input", "prediction"])
async def test_what_a_run_counted_is_averaged_over_neither_bins_nor_columns(tables, store, which):
    counts = Counts(Counting((Bins("age", "number", edges=(30.0, 60.0)), Bins("city", "text"))))
    points = [each.model_dump() | {"time": rfc3339(NOW)} for each in observations(which, counts)]
    points = [{**each, "labels": each["labels"] or None} for each in points]

    await store.store([taken(METRICS, {"model_id": "demand", "points": points})])

    assert await fetch(tables, "SELECT metric, count(*) FROM metric_points GROUP BY 1 ORDER BY 1") == [
        (f"{which}_distinct", 1),
        (f"{which}_histogram", 6),
        (f"{which}_histogram_every", 1),
        (f"{which}_histogram_rows", 1),
    ]
    assert await fetch(tables, "SELECT metric FROM metrics_hourly ORDER BY 1") == [
        (f"{which}_histogram_every",),
        (f"{which}_histogram_rows",),
    ]


async def test_more_points_than_fit_a_transaction_are_stored_in_several(tables, store):
    await store.store([taken(METRICS, metrics(f"model-{n}", points=5000), event_id=f"e{n}") for n in range(9)])

    assert await fetch(tables, "SELECT count(*) FROM metrics") == [(45_000,)]


async def test_a_value_that_the_server_refuses_is_the_event_s_fault_and_no_outage(store):
    with pytest.raises(asyncpg.PostgresError):
        await store.store([taken(METRICS, metrics("demand"), event_id="a\x00b")])
