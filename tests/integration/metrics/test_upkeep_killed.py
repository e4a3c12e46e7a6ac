"""Upkeep that is killed at any moment, while others write."""

import asyncio
import random
from contextlib import suppress
from datetime import timedelta

import pytest

from chassis.errors import TablesUnavailable
from chassis.tables import Tables
from chassis.tasks import end

from .conftest import fetch, make_store, upkeep
from .events import METRICS, NOW, SERIES, metrics, series, taken

EVENTS, POINTS = 400, 20
KILL = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND query LIKE '%upkeep_step%' AND pid <> pg_backend_pid()
"""


async def write(tables: Tables, chance: random.Random) -> None:
    """Old points, most of which belong where the first are, some of them twice."""
    store, earlier = make_store(tables), []
    for number in range(EVENTS):
        start = NOW - timedelta(days=chance.randint(100, 1050))
        earlier.append(taken(METRICS, metrics("written", points=POINTS, start=start), event_id=f"w{number}"))
        await store.store([earlier[-1], chance.choice(earlier)])
        await asyncio.sleep(0.005)


async def killed_until_done(tables: Tables, chance: random.Random) -> int:
    """Let upkeep live a little longer each time; returns how often it didn't live long enough."""
    own, life_s, kills = Tables(tables._settings), 0.02, 0
    while True:
        moving = asyncio.create_task(upkeep(own).once())
        await asyncio.wait({moving}, timeout=chance.uniform(0, life_s))
        if moving.done():
            await moving
            await own.stop()
            return kills
        if kills % 2:
            await end(moving)
        else:
            await fetch(tables, KILL)
            await asyncio.wait({moving}, timeout=0.05)
            with suppress(TablesUnavailable, asyncio.CancelledError):
                await end(moving)
        kills, life_s = kills + 1, life_s * 1.1


@pytest.mark.parametrize("seed", range(3))
async def test_nothing_is_lost_or_doubled_however_often_upkeep_is_killed(tables, seed):
    chance = random.Random(seed)  # noqa: S311 - for its repeatability
    await make_store(tables).store(
        [taken(METRICS, metrics("first", points=5000, start=NOW - timedelta(days=130 + 90 * n))) for n in range(10)]
        + [taken(SERIES, series("first", points=800, start=NOW - timedelta(days=6000)))]
    )

    writing = asyncio.create_task(write(tables, chance))
    kills = await killed_until_done(tables, chance)
    await writing
    await upkeep(tables).once()

    counted = "SELECT model_id, count(*), count(DISTINCT (event_id, point_no)) FROM metrics GROUP BY 1 ORDER BY 1"
    assert await fetch(tables, counted) == [("first", 50_000, 50_000), ("written", *[EVENTS * POINTS] * 2)]
    assert await fetch(tables, "SELECT sum(points)::int FROM metrics_hourly") == [(50_000 + EVENTS * POINTS,)]
    assert await fetch(tables, "SELECT count(*) FROM timeseries_data") == [(800,)]
    assert await fetch(tables, "SELECT count(*) FROM metrics_default") == [(0,)]
    assert await fetch(tables, "SELECT to_regclass('metrics_next')::text, count(*) FROM partition_moves") == [(None, 0)]
    assert kills > 10
