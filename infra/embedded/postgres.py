"""Tables and time series: PostgreSQL, as an unprivileged user where the stack is started by root."""

import asyncio
import os
import shutil
from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import asyncpg

from infra.embedded.account import unprivileged_account
from infra.embedded.errors import NotReady
from infra.embedded.files import write_private
from infra.embedded.part import Context
from infra.embedded.ports import HOST
from infra.embedded.postgres_files import data_folder, programs_folder
from infra.embedded.program import Program
from infra.embedded.tool import run_tool

NAME: Final = "postgres"
VARIABLE: Final = "MLP_POSTGRES_DSN"
OWNER: Final = "platform"  # a role, and the database that it owns
READER: Final = "mlp_reader"  # whoever reads the published views is granted it
ADMIN: Final = "postgres"
_TIMEOUT_S: Final = 5
_ROUND_TRIP: Final = (
    "CREATE TEMPORARY TABLE readiness (token text)",
    "INSERT INTO readiness VALUES ('ready')",
)


@dataclass(frozen=True)
class PostgresConnection:
    dsn: str
    admin_dsn: str | None = None
    """Of an embedded server, in which role and database are still to be made."""

    @property
    def url(self) -> str:
        parts = urlsplit(self.dsn)
        return f"postgresql://{parts.hostname}:{parts.port or 5432}{parts.path}"

    def probe(self) -> None:
        _blocking(self._round_trip())

    def provision(self) -> None:
        if self.admin_dsn is not None:
            _blocking(self._make_database(self.admin_dsn))

    def described(self) -> dict[str, Any]:
        return {"dsn": self.dsn}

    def settings(self, service: str) -> dict[str, str]:  # noqa: ARG002
        return {VARIABLE: self.dsn}

    async def _round_trip(self) -> None:
        connection = await asyncpg.connect(self.admin_dsn or self.dsn, timeout=_TIMEOUT_S)
        try:
            for statement in _ROUND_TRIP:
                await connection.execute(statement)
            if await connection.fetchval("SELECT token FROM readiness") != "ready":
                raise NotReady("an inserted row isn't found")
        finally:
            await connection.close()

    async def _make_database(self, admin_dsn: str) -> None:
        connection = await asyncpg.connect(admin_dsn, timeout=_TIMEOUT_S)
        try:
            for role, attribute in ((OWNER, "LOGIN"), (READER, "NOLOGIN")):
                if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
                    await connection.execute(f"CREATE ROLE {role} {attribute}")
            # A password can't be a parameter here; ours has no quotes in it.
            await connection.execute(f"ALTER ROLE {OWNER} PASSWORD '{urlsplit(self.dsn).password}'")
            if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", OWNER):
                await connection.execute(f"CREATE DATABASE {OWNER} OWNER {OWNER}")
        finally:
            await connection.close()


class PostgresServer:
    ports = (NAME,)

    def __init__(self, context: Context) -> None:
        self._context = context
        self._account = unprivileged_account()
        self._home = data_folder(context.layout, self._account)

    def prepare(self) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        if not (self._home / "data").exists():
            self._context.tell(NAME, "making the database cluster")
            self._initialise()

    def _initialise(self) -> None:
        # Under another name first: what a stopped initdb leaves behind is never taken for a cluster.
        partial, password = self._home / "data.partial", self._home / "password"
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(mode=0o700)
        write_private(password, self._context.credentials.get("postgres.admin"))
        self._own(partial, password)
        options = {
            "pgdata": partial,
            "username": ADMIN,
            "pwfile": password,
            "auth": "scram-sha-256",
            "encoding": "UTF8",
            "locale-provider": "builtin",
            "locale": "C.UTF-8",
        }
        command = [str(self._binary("initdb")), *(f"--{name}={value}" for name, value in options.items())]
        try:
            run_tool(command, context=self._context, part=NAME, folder=partial, account=self._account)
        finally:
            password.unlink()
        partial.rename(self._home / "data")

    def program(self) -> Program:
        settings: dict[str, object] = {
            "listen_addresses": HOST,
            "port": self._context.ports.get(NAME),
            "unix_socket_directories": "",
            "shared_buffers": "64MB",
            "max_connections": 100,
            "password_encryption": "scram-sha-256",
        }
        options = [word for name, value in settings.items() for word in ("-c", f"{name}={value}")]
        data = self._home / "data"
        return Program(
            name=NAME,
            command=(str(self._binary("postgres")), "-D", str(data), *options),
            folder=data,
            account=self._account,
            stop_signal="INT",  # "fast": it doesn't wait for clients to leave
        )

    def connection(self) -> PostgresConnection:
        owner = self._dsn(OWNER, self._context.credentials.get("postgres.platform"))
        return PostgresConnection(owner, self._dsn(ADMIN, self._context.credentials.get("postgres.admin")))

    def _dsn(self, role: str, password: str) -> str:
        return f"postgresql://{role}:{password}@{HOST}:{self._context.ports.get(NAME)}/{role}"

    def _binary(self, name: str) -> Path:
        return programs_folder(self._account) / name

    def _own(self, *paths: Path) -> None:
        if self._account is not None:
            for path in paths:
                os.chown(path, self._account.uid, self._account.gid)


def external(environ: Mapping[str, str]) -> PostgresConnection | None:
    """The server that the settings point at."""
    dsn = environ.get(VARIABLE)
    return PostgresConnection(dsn) if dsn else None


def _blocking(statements: Coroutine[Any, Any, None]) -> None:
    try:
        asyncio.run(statements)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError) as error:
        raise NotReady(str(error) or type(error).__name__) from error
