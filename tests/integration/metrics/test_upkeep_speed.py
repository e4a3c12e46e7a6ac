"""How long upkeep takes to empty full default partitions, and how long it keeps the store waiting.

Figures of docs/figures.md: `pytest tests/integration/metrics/test_upkeep_speed.py -m long -s`.
"""

import asyncio
import time
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from chassis.settings import PostgresSettings
from chassis.tables import Tables
from services.metrics.migration import migrate
from services.metrics.upkeep import Upkeep

from .conftest import fetch, make_store
from .events import METRICS, NOW, metrics, taken

pytestmark = [pytest.mark.long, pytest.mark.timeout(1800)]
# Rows of `metrics` over three years and of `timeseries_data` over as many as given.
FILL = (
    """
    INSERT INTO metrics_default
    SELECT now() - interval '95 days' - n * (interval '1000 days' / $1), 'model ' || n % 50, 3, 'deployment ' || n % 50,
           NULL, 'FR', 'Aube', 'metric ' || n % 20, n, '{"column": "price", "bin": "3"}', '/upstream/erp',
           (n / 1000)::text, n % 1000
    FROM generate_series(1, $1::integer) AS n
    """,
    """
    INSERT INTO timeseries_data_default
    SELECT now() - interval '95 days' - n * ($2 * interval '365 days' / $1), 'sales ' || n % 200, n,
           '{"kind": "actual"}', '/upstream/erp', (n / 1000)::text, n % 1000
    FROM generate_series(1, $1::integer) AS n
    """,
)


@pytest.fixture
async def tables(empty_postgres: PostgresSettings) -> AsyncIterator[Tables]:
    """A database that upkeep has never seen."""
    made = Tables(empty_postgres)
    await migrate(made, "never")
    yield made
    await made.stop()


async def store_while(moving: asyncio.Task[None], tables: Tables) -> list[float]:
    """How long each event of a hundred points took: new ones, and such as belong into the default partition."""
    store, took = make_store(tables), list[float]()
    while not moving.done():
        start = NOW - timedelta(days=(len(took) % 2) * 500)
        begun = time.monotonic()
        await store.store([taken(METRICS, metrics("demand", points=100, start=start))])
        took.append(time.monotonic() - begun)
        await asyncio.sleep(0.02)
    return took


@pytest.mark.parametrize(
    ("observed", "series", "years"),
    [(2_000, 2_000, 10), (2_000, 2_000, 30), (200_000, 20_000, 20), (3_000_000, 300_000, 20)],
)
async def test_full_default_partitions(tables, observed, series, years):
    async with tables.transaction() as connection:
        await connection.execute(FILL[0], observed, timeout=900)
        await connection.execute(FILL[1], series, years, timeout=900)

    own = Tables(tables._settings)
    upkeep = Upkeep(tables=own, keep_metrics=timedelta(days=1100), keep_series=timedelta(days=36_500), every_s=60)
    begun = time.monotonic()
    moving = asyncio.create_task(upkeep.once())
    took = await store_while(moving, tables)
    await moving
    took_s = time.monotonic() - begun
    await own.stop()

    print(f"\n{observed:,} + {series:,} rows, {years} years: {took_s:.1f} s; the store waited {max(took):.2f} s")  # noqa: T201 - what was measured
    assert await fetch(tables, "SELECT count(*) FROM metrics") == [(observed + 100 * len(took),)]
    assert await fetch(tables, "SELECT count(*) FROM timeseries_data") == [(series,)]
    assert await fetch(tables, "SELECT count(*) FROM timeseries_data_default") == [(0,)]
    assert max(took) < 3
