"""Numbered SQL files, each run once, whoever comes first; a file that was run must not change."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import structlog

from chassis.errors import PlatformError
from chassis.tables import Connection, Tables
from services.metrics.settings import Timescale

log = structlog.get_logger(__name__)

FOLDER: Final = Path(__file__).parent / "migrations"
_COMMON: Final = "common"
_TIMEOUT_S: Final = 900.0
_LEDGER: Final = """
    CREATE TABLE IF NOT EXISTS schema_migrations (
        name text PRIMARY KEY,
        branch text NOT NULL,
        sha256 text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
"""


class Branch(StrEnum):
    """What the database can do. It is decided once, by the first migration."""

    TIMESCALE = "timescale"
    PLAIN = "plain"


class MigrationChanged(PlatformError):
    """A file is not what it was when this database ran it."""

    code = "migration-changed"


class TimescaleMissing(PlatformError):
    """TimescaleDB is asked for, and the server doesn't have it, or the database was made without."""

    code = "timescale-missing"


@dataclass(frozen=True, kw_only=True)
class Migration:
    """One file; `branch` is the name of its folder."""

    name: str
    branch: str
    sql: str

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()


def migrations(branch: Branch, folder: Path = FOLDER) -> list[Migration]:
    """Those of `branch` and the common ones, by their numbers."""
    found = [
        Migration(name=path.stem, branch=path.parent.name, sql=path.read_text())
        for each in (_COMMON, branch.value)
        for path in (folder / each).glob("*.sql")
    ]
    return sorted(found, key=lambda migration: migration.name)


async def migrate(tables: Tables, timescale: Timescale, folder: Path = FOLDER) -> Branch:
    """Bring the schema up to date; at the same time as other instances, if need be.

    Raises:
        MigrationChanged: a file that was run has changed.
        TimescaleMissing: `timescale` is "always", and it can't be.
        TablesUnavailable: the server is away; the files before are done.
    """
    async with tables.transaction() as connection:
        await _lock(connection)
        await connection.execute(_LEDGER)
        branch = await _branch(connection, timescale)
    for migration in migrations(branch, folder):
        async with tables.transaction() as connection:
            await _lock(connection)
            await _apply(connection, migration)
    return branch


async def _lock(connection: Connection) -> None:
    await connection.execute("SELECT pg_advisory_xact_lock(hashtext('schema_migrations'))", timeout=_TIMEOUT_S)


async def _branch(connection: Connection, timescale: Timescale) -> Branch:
    recorded = await connection.fetchval("SELECT branch FROM schema_migrations WHERE branch <> $1 LIMIT 1", _COMMON)
    branch = Branch(recorded) if recorded else await _offered(connection, timescale)
    if timescale == "always" and branch is Branch.PLAIN:
        raise TimescaleMissing("made without TimescaleDB" if recorded else "the server has no TimescaleDB")
    if branch is Branch.TIMESCALE:
        await connection.execute("CREATE EXTENSION IF NOT EXISTS timescaledb")
    return branch


async def _offered(connection: Connection, timescale: Timescale) -> Branch:
    if timescale == "never":
        return Branch.PLAIN
    offered = await connection.fetchval(
        "SELECT EXISTS (SELECT FROM pg_available_extensions WHERE name = 'timescaledb')"
    )
    return Branch.TIMESCALE if offered else Branch.PLAIN


async def _apply(connection: Connection, migration: Migration) -> None:
    applied = await connection.fetchval("SELECT sha256 FROM schema_migrations WHERE name = $1", migration.name)
    if applied is not None:
        if applied != migration.sha256:
            raise MigrationChanged(migration.name)
        return
    await connection.execute(migration.sql, timeout=_TIMEOUT_S)
    await connection.execute(
        "INSERT INTO schema_migrations (name, branch, sha256) VALUES ($1, $2, $3)",
        migration.name,
        migration.branch,
        migration.sha256,
    )
    log.info("migrated", migration=migration.name, branch=migration.branch)
