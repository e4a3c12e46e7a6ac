"""Upkeep of plain PostgreSQL: rows find their partitions, whatever is written meanwhile and whenever it is ended."""

import asyncio
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest

from chassis.errors import TablesBusy
from chassis.tables import Tables

from .conftest import fetch, make_store, upkeep
from .events import FINISHED, METRICS, NOW, SERIES, finished, metrics, series, taken

KEPT = timedelta(days=1100)
PARTITIONS = "SELECT partition FROM partitions_of($1) ORDER BY 1"
FULL_DISK = """
    CREATE FUNCTION full_disk() RETURNS boolean LANGUAGE plpgsql AS
    $$ BEGIN RAISE 'no space left' USING ERRCODE = 'disk_full'; END $$
"""
ALL = {
    "metrics": "SELECT * FROM metrics ORDER BY time, source, event_id, point_no",
    "timeseries_data": "SELECT * FROM timeseries_data ORDER BY time, source, event_id, point_no",
    "executions": "SELECT * FROM executions ORDER BY finished_at, execution_id",
}


def long_ago(days: int, points: int = 50) -> dict:
    return metrics("demand", points=points, start=NOW - timedelta(days=days))


async def rows_in(tables: Tables, name: str) -> int:
    return (await fetch(tables, f"SELECT count(*) FROM {name}"))[0][0]  # noqa: S608


async def execute(tables: Tables, statement: str, *arguments: object) -> None:
    async with tables.transaction() as connection:
        await connection.execute(statement, *arguments)


async def all_steps(tables: Tables) -> None:
    while await upkeep(tables).step("metrics", KEPT):
        pass


async def until_copied(tables: Tables) -> None:
    """Steps until all is copied that was there before."""
    while await fetch(tables, "SELECT 1 FROM partition_moves WHERE block >= blocks") == []:
        assert await upkeep(tables).step("metrics", KEPT)


async def test_rows_of_every_table_move_into_partitions_of_their_months_and_years(tables):
    store = make_store(tables)
    old = NOW - timedelta(days=900)
    events = [
        taken(SERIES, series("sales", points=60)),
        taken(SERIES, series("sales", points=60, start=NOW - timedelta(days=7000))),
        taken(METRICS, long_ago(900)),
        taken(FINISHED, finished("demand", finished_at=old.isoformat())),
    ]
    await store.store(events)
    before = {name: await fetch(tables, query) for name, query in ALL.items()}
    assert [await rows_in(tables, f"{name}_default") for name in ALL] != [0, 0, 0]

    await upkeep(tables).once()
    await store.store(events)

    assert {name: await fetch(tables, query) for name, query in ALL.items()} == before
    assert [await rows_in(tables, f"{name}_default") for name in ALL] == [0, 0, 0]
    assert {f"metrics_{old:%Y}", f"metrics_{NOW:%Y_%m}", "metrics_default"} <= {
        name for (name,) in await fetch(tables, PARTITIONS, "metrics")
    }
    assert len(await fetch(tables, PARTITIONS, "timeseries_data")) < 25


async def test_a_year_that_has_a_month_is_divided_by_months(tables):
    store = make_store(tables)
    this_year = datetime(NOW.year, 1, 1, tzinfo=UTC)
    await store.store([taken(SERIES, series("sales", points=52, start=this_year))])

    await upkeep(tables).once()

    names = [name for (name,) in await fetch(tables, PARTITIONS, "timeseries_data")]
    assert {f"timeseries_data_{NOW.year}_{month:02d}" for month in range(1, 13)} <= set(names)
    assert f"timeseries_data_{NOW.year}" not in names


async def test_nothing_is_lost_or_doubled_whatever_is_done_between_two_steps(tables):
    store = make_store(tables)
    first = [taken(METRICS, long_ago(400 + 30 * each, points=900), event_id=f"e{each}") for each in range(20)]
    await store.store(first)
    expected = await rows_in(tables, "metrics")
    steps, more = 0, True

    while more:
        more = await upkeep(tables).step("metrics", KEPT)
        again = taken(METRICS, long_ago(500), event_id=f"new{steps}")
        elsewhere = taken(METRICS, long_ago(150 + steps), event_id=f"elsewhere{steps}")
        await store.store([*first[steps % 20 :], again, elsewhere])
        await store.store([again])
        steps += 1
        expected += 100
        assert await rows_in(tables, "metrics") == expected

    assert steps > 4
    await upkeep(tables).once()
    assert await rows_in(tables, "metrics") == expected
    assert await rows_in(tables, "metrics_default") == 0
    assert await fetch(tables, "SELECT sum(points)::int FROM metrics_hourly") == [(expected,)]


@pytest.mark.parametrize("copied", [False, True])
async def test_what_is_changed_or_deleted_while_it_moves_stays_so(tables, copied):
    store = make_store(tables)
    await store.store([taken(METRICS, long_ago(500), event_id=each) for each in ("kept", "changed", "moved", "gone")])
    step = upkeep(tables).step
    if copied:
        await until_copied(tables)
    else:
        for _ in range(2):
            await step("metrics", KEPT)

    await execute(tables, "DELETE FROM metrics WHERE event_id = 'gone'")
    await execute(tables, "UPDATE metrics SET value = -1 WHERE event_id = 'changed'")
    await execute(tables, "UPDATE metrics SET time = now() WHERE event_id = 'moved'")
    before = await fetch(tables, ALL["metrics"])
    await upkeep(tables).once()

    assert await fetch(tables, ALL["metrics"]) == before
    assert len(before) == 150


async def test_a_row_that_is_being_deleted_while_it_is_copied_does_not_come_back(tables):
    await make_store(tables).store([taken(METRICS, long_ago(500))])
    for _ in range(2):
        await upkeep(tables).step("metrics", KEPT)

    async with tables.transaction() as deleting:
        await deleting.execute("DELETE FROM metrics WHERE point_no < 10")
        copying = asyncio.create_task(upkeep(tables).step("metrics", KEPT))
        await asyncio.sleep(0.5)
    await copying
    await upkeep(tables).once()

    assert await rows_in(tables, "metrics") == 40


@pytest.mark.parametrize("statement", ["VACUUM (FULL) metrics_default", "TRUNCATE metrics"])
async def test_a_table_that_is_rewritten_while_it_moves_is_moved_anew(tables, statement):
    store = make_store(tables)
    await store.store([taken(METRICS, long_ago(500, points=5000))])
    await execute(tables, "DELETE FROM metrics WHERE point_no < 1000")
    await until_copied(tables)

    pool = await tables._opened()
    await pool.execute(statement)
    await store.store([taken(METRICS, long_ago(500))])
    expected = await fetch(tables, ALL["metrics"])
    await upkeep(tables).once()

    assert await fetch(tables, ALL["metrics"]) == expected
    assert await rows_in(tables, "metrics_default") == 0


async def test_a_move_that_fills_the_disk_gives_its_room_back(tables):
    store = make_store(tables)
    await store.store([taken(METRICS, long_ago(500))])
    for _ in range(2):
        await upkeep(tables).step("metrics", KEPT)
    await execute(tables, FULL_DISK)
    await execute(tables, "ALTER TABLE metrics_next ADD CHECK (full_disk())")

    assert not await upkeep(tables).step("metrics", KEPT)

    assert await fetch(tables, "SELECT to_regclass('metrics_next')::text") == [(None,)]
    await store.store([taken(METRICS, long_ago(500))])
    await upkeep(tables).once()
    assert await rows_in(tables, "metrics") == 100
    assert await rows_in(tables, "metrics_default") == 0


async def test_no_partition_is_looked_through_as_it_is_attached(tables):
    store = make_store(tables)
    await store.store([taken(METRICS, long_ago(400 + 300 * each), event_id=f"e{each}") for each in range(3)])
    await until_copied(tables)
    await store.store([taken(METRICS, metrics("demand", start=NOW - timedelta(days=200)))])
    said = list[str]()

    async with tables.transaction() as connection:

        def listen(_: object, message: asyncpg.PostgresLogMessage) -> None:
            said.append(message.message)

        connection.add_log_listener(listen)
        await connection.execute("SET LOCAL client_min_messages = debug1")
        await connection.execute("SELECT upkeep_step('metrics', $1)", KEPT)
        await asyncio.sleep(0)
        connection.remove_log_listener(listen)

    implied = [each for each in said if "is implied by existing constraints" in each]
    years = {(NOW - timedelta(days=400 + 300 * each)).year for each in range(3)}
    assert len(implied) == len(years) + 1
    assert any("metrics_rest" in each for each in implied)


async def test_a_table_that_others_hold_keeps_neither_the_store_nor_the_other_tables(tables):
    store = make_store(tables)
    await store.store([taken(METRICS, long_ago(500)), taken(SERIES, series("sales", start=NOW - timedelta(days=3000)))])
    others, longest = Tables(tables._settings), 0.0

    async with others.transaction() as reading:
        await reading.execute("SELECT count(*) FROM metrics")
        with pytest.raises(TablesBusy):
            await all_steps(tables)
        moving = asyncio.create_task(upkeep(tables).once())
        end = asyncio.get_running_loop().time() + 6
        while (begun := asyncio.get_running_loop().time()) < end:
            await store.store([taken(METRICS, long_ago(500, points=1))])
            longest = max(longest, asyncio.get_running_loop().time() - begun)
            await asyncio.sleep(0.01)
        assert await rows_in(others, "timeseries_data_default") == 0
        assert not moving.done()

    await asyncio.wait_for(moving, 30)
    await others.stop()
    assert await rows_in(tables, "metrics_default") == 0
    assert longest < 3


async def test_what_was_kept_long_enough_goes_in_steps_and_its_rollup_stays(tables):
    store = make_store(tables)
    for days in (900, 400, 300):
        await store.store([taken(METRICS, long_ago(days), event_id=f"{days}")])
    await upkeep(tables).once()
    await store.store([taken(METRICS, metrics("demand"))])
    rolled_up = await fetch(tables, "SELECT sum(points) FROM metrics_hourly")
    old = NOW - timedelta(days=900)

    await upkeep(tables, keep_metrics_days=350).once()

    assert await fetch(tables, "SELECT DISTINCT event_id FROM metrics WHERE time < now() - interval '1 day'") == [
        ("300",)
    ]
    assert (f"metrics_{old:%Y}",) not in await fetch(tables, PARTITIONS, "metrics")
    assert await fetch(tables, "SELECT sum(points) FROM metrics_hourly") == rolled_up


async def test_rows_in_the_default_partition_go_ten_thousand_a_step(tables):
    await make_store(tables).store([taken(METRICS, long_ago(500, points=5000), event_id=f"{n}") for n in range(5)])
    left, kept = list[int](), timedelta(days=200)

    while await upkeep(tables).step("metrics", kept):
        left.append(await rows_in(tables, "metrics"))

    assert left == [15_000, 5_000]
    assert await rows_in(tables, "metrics") == 0


async def test_points_set_aside_long_ago_go_too(tables):
    await make_store(tables).store([taken(METRICS, metrics("demand", start=NOW - timedelta(days=4000)))])
    assert await rows_in(tables, "rejected_points") == 3

    await execute(tables, "UPDATE rejected_points SET arrived_at = now() - interval '91 days' WHERE point_no < 2")
    await upkeep(tables).once()

    assert await rows_in(tables, "rejected_points") == 1
