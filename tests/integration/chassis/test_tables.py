"""Transactions on a PostgreSQL that falls silent, behind a proxy."""

import asyncio
import time
from urllib.parse import urlsplit

import pytest

from chassis.errors import TablesUnavailable
from chassis.settings import PostgresSettings
from chassis.tables import Tables
from chassis.tasks import end
from tests.chaos import toxiproxy

pytestmark = pytest.mark.timeout(60)


async def _select(tables: Tables) -> None:
    async with tables.transaction() as connection:
        await connection.execute("SELECT 1")


async def test_a_transaction_on_a_silent_server_can_be_given_up_and_the_pool_comes_back(postgres):
    dsn = urlsplit(postgres.dsn.get_secret_value())
    with toxiproxy.running() as program:
        proxy = program.before("postgres", dsn.port)
        tables = Tables(
            PostgresSettings(dsn=dsn._replace(netloc=f"{dsn.netloc.rpartition(':')[0]}:{proxy.port}").geturl())
        )
        await _select(tables)
        with proxy.half_open():
            hanging = asyncio.create_task(_select(tables))
            await asyncio.sleep(0.5)
            begun = time.monotonic()
            async with asyncio.timeout(20):
                await end(hanging)
            took = time.monotonic() - begun
            with pytest.raises(TablesUnavailable):
                await tables.ping()
        await _select(tables)
        await tables.stop()

    assert hanging.cancelled()
    assert took < 2
