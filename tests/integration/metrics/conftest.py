from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from chassis.settings import PostgresSettings
from chassis.tables import Tables
from services.metrics.migration import migrate
from services.metrics.projection import Projection
from services.metrics.settings import MetricsSettings
from services.metrics.store import Store
from services.metrics.upkeep import Upkeep


@pytest.fixture
async def tables(empty_postgres: PostgresSettings) -> AsyncIterator[Tables]:
    """A database of the plain branch, migrated, with its partitions."""
    made = Tables(empty_postgres)
    await migrate(made, "never")
    await upkeep(made).once()
    yield made
    await made.stop()


@pytest.fixture
def store(tables: Tables) -> Store:
    return make_store(tables)


def make_store(tables: Tables) -> Store:
    settings = MetricsSettings()
    return Store(tables, Projection(metrics=settings.bounds_of_metrics, series=settings.bounds_of_series))


def upkeep(tables: Tables, *, keep_metrics_days: int = 1100) -> Upkeep:
    keep = timedelta(days=keep_metrics_days)
    return Upkeep(tables=tables, keep_metrics=keep, keep_series=timedelta(days=7300), every_s=60, pause_s=0)


async def fetch(tables: Tables, query: str, *arguments: object) -> list[tuple]:
    async with tables.transaction() as connection:
        return [tuple(row) for row in await connection.fetch(query, *arguments)]
