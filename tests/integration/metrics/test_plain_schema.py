"""The schema on PostgreSQL without TimescaleDB: made once by whoever comes first, and kept up."""

import asyncio
from datetime import timedelta
from shutil import copytree

import pytest

from chassis.tables import Tables
from services.metrics import migration
from services.metrics.migration import Branch, MigrationChanged, TimescaleMissing, migrate

from .conftest import fetch, make_store, upkeep
from .events import METRICS, NOW, metrics, taken


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


async def test_a_database_from_before_steps_is_kept_up_by_them(empty_postgres, tmp_path):
    folder = copytree(migration.FOLDER, tmp_path / "migrations")
    (folder / "plain" / "0008_upkeep_in_steps.sql").unlink()
    tables = Tables(empty_postgres)
    await migrate(tables, "never", folder)
    async with tables.transaction() as connection:
        await connection.execute("SELECT upkeep('1100 days', '7300 days')")
    await make_store(tables).store([taken(METRICS, metrics("demand", start=NOW - timedelta(days=n))) for n in (0, 700)])
    before = await fetch(tables, "SELECT * FROM metrics ORDER BY time")

    await migrate(tables, "never")
    await upkeep(tables).once()
    async with tables.transaction() as connection:
        await connection.execute("SELECT upkeep($1, $2)", timedelta(days=1), timedelta(days=1))

    assert await fetch(tables, "SELECT * FROM metrics ORDER BY time") == before
    assert await fetch(tables, "SELECT count(*) FROM metrics_default") == [(0,)]
    await tables.stop()


async def test_asking_for_timescale_where_there_is_none_is_said(empty_postgres):
    made = Tables(empty_postgres)
    with pytest.raises(TimescaleMissing):
        await migrate(made, "always")
    await made.stop()


async def test_the_reader_sees_the_views_and_nothing_else(tables):
    readable = await fetch(
        tables,
        "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p', 'v') "
        "AND has_table_privilege('mlp_reader', oid, 'SELECT') ORDER BY 1",
    )

    assert [name for (name,) in readable] == [
        "execution_runs", "executions_daily", "metric_points", "metrics_hourly", "points_rejected", "series_points",
    ]  # fmt: skip
