"""The schema on TimescaleDB itself, in WebAssembly: the same views hold the same as on plain PostgreSQL."""

import random
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from chassis.bus.envelope import rfc3339
from services.metrics.migration import Branch, migrate

from .conftest import fetch, make_store, upkeep
from .events import FINISHED, METRICS, NOW, SERIES, finished, metrics, series, taken
from .timescale import NodeMissing, TimescaleTables, timescale

HOURLY = "SELECT hour, model_id, points, mean, minimum, maximum FROM metrics_hourly ORDER BY hour"
JOBS = (
    "SELECT job_id, proc_name, hypertable_name, config->>'drop_after' FROM timescaledb_information.jobs ORDER BY job_id"
)
BINS = [
    {"metric": f"{which}_{what}", "time": rfc3339(NOW), "value": 9.0, "labels": {"column": "age", "bin": "0"}}
    for which in ("input", "prediction")
    for what in ("histogram", "distinct")
]


@pytest.fixture
async def tables() -> AsyncIterator[TimescaleTables]:
    try:
        async with timescale() as made:
            assert await migrate(made, "always") is Branch.TIMESCALE
            await upkeep(made).once()
            yield made
    except NodeMissing as missing:
        pytest.skip(str(missing))


async def test_timescale_stores_once_compresses_rolls_up_and_migrates_again_to_no_effect(tables):
    store = make_store(tables)
    events = [
        taken(METRICS, metrics("demand", points=60, start=NOW - timedelta(days=60))),
        taken(METRICS, metrics("demand", points=60)),
        taken(METRICS, metrics("demand", start=NOW - timedelta(days=4000))),
        taken(SERIES, series("sales", points=60)),
        taken(FINISHED, finished("demand")),
    ]
    await store.store(events)

    await compress(tables)
    deliveries = events * 3
    random.Random(1).shuffle(deliveries)  # noqa: S311
    await store.store(deliveries)

    assert await counts(tables) == [120, 60, 1, 3]
    live = await fetch(tables, HOURLY)
    await refresh(tables)
    assert await fetch(tables, HOURLY) == live == await expected_hours(tables)
    assert await fetch(tables, "SELECT executions, rows_in, rows_rejected FROM executions_daily") == [(1, 1000, 10)]

    await store.store([taken(METRICS, {"model_id": "demand", "points": BINS})])
    await refresh(tables)
    assert await fetch(tables, HOURLY) == live

    await migrate(tables, "auto")
    await retention_follows_the_settings(tables)


async def compress(tables):
    chunks = await fetch(tables, "SELECT show_chunks('metrics')::text")
    assert len(chunks) > 1
    for (chunk,) in chunks:
        await tables.connection.execute(f"CALL convert_to_columnstore('{chunk}')")


async def counts(tables):
    names = ("metrics", "timeseries_data", "executions", "rejected_points")
    return [(await fetch(tables, f"SELECT count(*) FROM {name}"))[0][0] for name in names]  # noqa: S608


async def refresh(tables):
    for name in ("metrics_hourly_rollup", "executions_daily_rollup"):
        await tables.connection.execute(f"CALL refresh_continuous_aggregate('{name}', NULL, NULL)")


async def expected_hours(tables):
    return await fetch(
        tables,
        "SELECT date_trunc('hour', time, 'UTC') AS hour, model_id, count(*), avg(value), min(value), max(value) "
        "FROM metrics GROUP BY 1, 2 ORDER BY 1",
    )


async def retention_follows_the_settings(tables):
    before = await fetch(tables, JOBS)
    await upkeep(tables).once()
    assert await fetch(tables, JOBS) == before

    await upkeep(tables, keep_metrics_days=90).once()

    after = await fetch(tables, JOBS)
    assert ("policy_retention", "metrics", "90 days") in [job[1:] for job in after]
    assert len(after) == len(before)
