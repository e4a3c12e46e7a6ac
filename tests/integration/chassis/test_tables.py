"""Transactions on a PostgreSQL that falls silent, behind a proxy, or whose tables others hold."""

import asyncio
import time
from urllib.parse import urlsplit

import pytest

from chassis.errors import TablesBusy, TablesUnavailable
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


async def _insert_within(tables: Tables, setting: str) -> None:
    async with tables.transaction() as connection:
        await connection.execute(f"SET LOCAL {setting} = '100ms'")
        await connection.execute("INSERT INTO held VALUES (1)")


@pytest.mark.parametrize("setting", ["lock_timeout", "statement_timeout"])
async def test_a_table_that_others_hold_is_no_server_that_is_away(empty_postgres, setting):
    tables = Tables(empty_postgres)
    async with tables.transaction() as connection:
        await connection.execute("CREATE TABLE held (number integer)")

    async with tables.transaction() as holding:
        await holding.execute("LOCK TABLE held")
        with pytest.raises(TablesBusy):
            await _insert_within(tables, setting)
    await _insert_within(tables, setting)
    await tables.stop()
