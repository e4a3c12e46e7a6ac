"""TimescaleDB in WebAssembly, for the tests of the schema that it gets."""

import asyncio
import shutil
from collections.abc import AsyncGenerator, Iterable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import asyncpg

from infra.embedded.layout import CHECKOUT

FOLDER: Final = CHECKOUT / "infra" / "timescale" / "check"
_INSTALLED: Final = FOLDER / "node_modules" / ".package-lock.json"


class NodeMissing(Exception):
    """Node.js or npm isn't on this machine."""


class CopylessConnection:
    """A connection that inserts row by row, since COPY breaks the WebAssembly build."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self._connection = connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    async def copy_records_to_table(self, table: str, *, records: Iterable[tuple], columns: Sequence[str]) -> None:
        places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
        insert = f"INSERT INTO {table} ({', '.join(columns)}) VALUES ({places})"  # noqa: S608
        for record in records:
            await self._connection.execute(insert, *record)


class TimescaleTables:
    """`Tables` on its only connection, which no pool resets: the server forgets its search path at RESET ALL."""

    def __init__(self, connection: asyncpg.Connection) -> None:
        self.connection = connection

    @asynccontextmanager
    async def transaction(self) -> AsyncGenerator[CopylessConnection]:
        async with self.connection.transaction():
            yield CopylessConnection(self.connection)


@asynccontextmanager
async def timescale() -> AsyncGenerator[TimescaleTables]:
    """An empty database, gone at the end.

    Raises:
        NodeMissing: it can't be started here.
    """
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NodeMissing("install Node.js 20 with npm to check the TimescaleDB migrations")
    await _install(npm)
    server = await asyncio.create_subprocess_exec(
        node, "server.mjs", cwd=FOLDER, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert server.stdin is not None
        assert server.stdout is not None
        async with asyncio.timeout(60):
            port = int(await server.stdout.readline())
            connection = await asyncpg.connect(f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable")
        yield TimescaleTables(connection)
        connection.terminate()
    finally:
        server.stdin.close()
        await server.wait()


async def _install(npm: str) -> None:
    if _INSTALLED.exists() and _INSTALLED.stat().st_mtime >= _locked().stat().st_mtime:
        return
    options = ("--no-audit", "--no-fund", "--ignore-scripts")
    process = await asyncio.create_subprocess_exec(npm, "ci", *options, cwd=FOLDER)
    assert await process.wait() == 0, "npm ci failed"


def _locked() -> Path:
    return FOLDER / "package-lock.json"
