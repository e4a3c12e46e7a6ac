"""PostgreSQL, through asyncpg; its errors become ours here."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Final

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from chassis.errors import TablesBusy, TablesUnavailable
from chassis.settings import PostgresSettings

Connection = PoolConnectionProxy

# SQLSTATEs: a lock that wasn't had in time, and a statement that was cancelled, as by its timeout.
_BUSY = ("55P03", "57014")
# Classes 08 (connection), 53 (resources), 57 (operator intervention) and 40 (rollback: try again), and 25006 (a
# standby, for the moment).
_AWAY = ("08", "53", "57", "40", "25006")
_ANSWER_S: Final = 5


class Tables:
    """A small pool of connections, opened at its first use."""

    def __init__(self, settings: PostgresSettings) -> None:
        self._settings = settings
        self._pool: asyncpg.Pool | None = None
        self._opening = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[Connection]:
        """A connection with a transaction around it.

        Raises:
            TablesBusy: others hold what it needs, or it took longer than the server lets it.
            TablesUnavailable: the server is away, or nothing is known of the commit.
        """
        try:
            pool = await self._opened()
            async with pool.acquire() as connection, _transaction(connection):
                yield connection
        except asyncpg.PostgresError as error:
            state = str(getattr(error, "sqlstate", ""))
            if state in _BUSY:
                raise TablesBusy(type(error).__name__) from error
            if state.startswith(_AWAY):
                raise TablesUnavailable(type(error).__name__) from error
            raise
        except (OSError, TimeoutError, asyncpg.InterfaceError) as error:
            if isinstance(error, ValueError):  # The driver's word for a value that it can't send.
                raise
            raise TablesUnavailable(type(error).__name__) from error

    async def ping(self) -> None:
        """A round trip. Raises: TablesUnavailable."""
        async with self.transaction() as connection:
            await connection.execute("SELECT 1", timeout=_ANSWER_S)

    async def stop(self) -> None:
        if self._pool is not None:
            await self._pool.close()
            self._pool = None

    async def _opened(self) -> asyncpg.Pool:
        async with self._opening:
            if self._pool is None:
                self._pool = await asyncpg.create_pool(
                    self._settings.dsn.get_secret_value(),
                    min_size=0,
                    max_size=self._settings.pool_size,
                    timeout=_ANSWER_S,
                    command_timeout=60,
                )
        return self._pool


@asynccontextmanager
async def _transaction(connection: Connection) -> AsyncGenerator[None]:
    transaction = connection.transaction()
    try:
        await transaction.start()
        try:
            yield
        except asyncpg.PostgresError:
            await transaction.rollback()
            raise
        await transaction.commit()
    except asyncpg.PostgresError:
        raise
    except BaseException:
        # The driver would ask a server that may be silent for leave to cancel, to roll back, to hand the connection on.
        connection.terminate()
        raise
