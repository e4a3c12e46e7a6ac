"""The schema on PostgreSQL without TimescaleDB: made once by whoever comes first, and kept up."""

import asyncio
from datetime import timedelta
from shutil import copytree

import pytest

from chassis.tables import Tables
from services.metrics import migration
from services.metrics.migration import Branch, MigrationChanged, TimescaleMissing, migrate

from .conftest import fetch, make_store, upkeep
from .events import METRICS, NOW, SERIES, metrics, series, taken

PARTITIONS = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = $1::text::regclass ORDER BY 1"


async def test_instances_that_start_together_migrate_once(empty_postgres):
    instances = [Tables(empty_postgres) for _ in range(3)]

    assert await asyncio.gather(*(migrate(each, "auto") for each in instances)) == [Branch.PLAIN] * 3
    await asyncio.gather(*(upkeep(each).once() for each in instances))

    applied = await fetch(instances[0], "SELECT name FROM schema_migrations ORDER BY name")
    assert [name for (name,) in applied] == [each.name for each in migration.migrations(Branch.PLAIN)]
    for each in instances:
        await each.stop()


async def test_migrating_again_changes_nothing(tables):
    before = await fetch(tables, "SELECT * FROM schema_migrations ORDER BY name")

    await migrate(tables, "auto")

    assert await fetch(tables, "SELECT * FROM schema_migrations ORDER BY name") == before


async def test_a_migration_that_was_run_must_not_change(tables, tmp_path):
    folder = copytree(migration.FOLDER, tmp_path / "migrations")
    (folder / "plain" / "0003_rollups.sql").write_text("SELECT 1")

    with pytest.raises(MigrationChanged, match="0003_rollups"):
        await migrate(tables, "never", folder)


async def test_a_migration_that_fails_leaves_nothing_of_itself(tables, tmp_path):
    folder = copytree(migration.FOLDER, tmp_path / "migrations")
    (folder / "plain" / "0007_broken.sql").write_text("CREATE TABLE half_done (x int); SELECT 1 / 0")

    with pytest.raises(Exception, match="division by zero"):
        await migrate(tables, "never", folder)

    assert await fetch(tables, "SELECT to_regclass('half_done')::text") == [(None,)]
    assert await fetch(tables, "SELECT 1 FROM schema_migrations WHERE name = '0007_broken'") == []


async def test_asking_for_timescale_where_there_is_none_is_said(empty_postgres):
    made = Tables(empty_postgres)
    with pytest.raises(TimescaleMissing):
        await migrate(made, "always")
    await made.stop()


async def test_points_from_before_their_month_had_a_partition_move_into_it(tables):
    store = make_store(tables)
    this_month = NOW.strftime("sales %Y")
    await store.store([taken(SERIES, series(this_month, points=60))])
    before = await fetch(tables, "SELECT time, value FROM timeseries_data ORDER BY time")
    in_default = await fetch(tables, "SELECT min(time) FROM timeseries_data_default")
    (first,) = in_default[0]

    async with tables.transaction() as connection:
        await connection.execute(
            "SELECT add_partition('timeseries_data', 'time', date_trunc('month', $1::timestamptz, 'UTC'))", first
        )

    assert await fetch(tables, "SELECT time, value FROM timeseries_data ORDER BY time") == before
    moved = f"timeseries_data_{first:%Y_%m}"
    assert (moved,) in await fetch(tables, PARTITIONS, "timeseries_data")
    assert await fetch(tables, f"SELECT min(time) FROM {moved}") == [(first,)]  # noqa: S608
    await store.store([taken(SERIES, series(this_month, points=60))])
    assert len(await fetch(tables, "SELECT 1 FROM timeseries_data")) == 120


async def test_what_was_kept_long_enough_goes_and_its_rollup_stays(tables):
    store = make_store(tables)
    old = NOW - timedelta(days=400)
    await store.store([taken(METRICS, metrics("demand")), taken(METRICS, metrics("demand", start=old))])
    async with tables.transaction() as connection:
        await connection.execute(
            "SELECT add_partition('metrics', 'time', date_trunc('month', $1::timestamptz, 'UTC'))", old
        )
    await store.store([taken(METRICS, metrics("demand", start=NOW - timedelta(days=300)))])

    await upkeep(tables, keep_metrics_days=200).once()

    assert len(await fetch(tables, "SELECT 1 FROM metrics")) == 3
    assert (f"metrics_{old:%Y_%m}",) not in await fetch(tables, PARTITIONS, "metrics")
    assert await fetch(tables, "SELECT sum(points) FROM metrics_hourly") == [(9,)]


async def test_the_reader_sees_the_views_and_nothing_else(tables):
    readable = await fetch(
        tables,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') "
        "AND has_table_privilege('mlp_reader', oid, 'SELECT') ORDER BY 1",
    )

    assert [name for (name,) in readable] == [
        "execution_runs", "executions_daily", "metric_points", "metrics_hourly", "points_rejected", "series_points",
    ]  # fmt: skip
