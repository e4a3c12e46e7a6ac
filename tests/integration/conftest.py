"""Real servers for tests: a test names what it needs, and those that the run's tests name are started together.

    async def test_facts_are_kept(kafka: KafkaServer, mongo: MongoSettings) -> None: ...

`kafka`, `mongo`, `s3`, `postgres` say how to reach one server each, shared by all tests of this folder; so a test uses
ids, consumer groups and databases of its own. `empty_postgres` and `empty_database` (of documents) are new databases
for one test. `stack` is the stack itself, for tests that stop and start it. Data lie in a temporary folder, jars are
shared with the checkout's own stack, and servers that the settings point at (`MLP_MONGO_URL`, …) are used instead of
embedded ones.
"""

import os
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import asyncpg
import pytest
import pytest_asyncio
from pydantic import SecretStr

from chassis.documents.client import Database, connect
from chassis.settings import MongoSettings, PostgresSettings, S3Settings
from infra.embedded.parts import SERVERS
from infra.embedded.postgres import PostgresConnection
from infra.embedded.services import SERVICES
from infra.embedded.stack import Stack
from tests.integration.kafka import KafkaServer

_GROUPS: Final = {"empty_postgres": "postgres"}


@pytest.fixture(scope="package")
def stack(request: pytest.FixtureRequest) -> Iterator[Stack]:
    """A stack with the servers that the run's tests name."""
    named = {name for item in request.session.items for name in getattr(item, "fixturenames", ())}
    data = Path(tempfile.mkdtemp(prefix="mlp-tests-"))
    data.chmod(0o755)  # PostgreSQL's user has to get through
    running = Stack(data)
    try:
        running.up(servers=[s for s in SERVERS if s in named or s in {_GROUPS.get(n) for n in named}], services=())
        yield running
    finally:
        running.clean()
        shutil.rmtree(data, ignore_errors=True)


@pytest.fixture(scope="package")
def kafka(stack: Stack) -> KafkaServer:
    return KafkaServer(stack.connection("kafka").described())


@pytest.fixture(scope="package")
def mongo(stack: Stack) -> MongoSettings:
    return MongoSettings(url=stack.connection("mongo").described()["url"])


@pytest.fixture(scope="package")
def s3(stack: Stack) -> S3Settings:
    return S3Settings(**stack.connection("s3").described())


@pytest.fixture(scope="package")
def postgres(stack: Stack) -> PostgresSettings:
    return PostgresSettings(dsn=stack.connection("postgres").described()["dsn"])


@pytest_asyncio.fixture
async def empty_postgres(stack: Stack) -> AsyncIterator[PostgresSettings]:
    connection = stack.connection("postgres")
    assert isinstance(connection, PostgresConnection)
    name = f"test_{uuid.uuid4().hex}"
    admin = await asyncpg.connect(connection.admin_dsn or connection.dsn)
    try:
        await admin.execute(f"CREATE DATABASE {name} OWNER {urlsplit(connection.dsn).username}")
        yield PostgresSettings(dsn=SecretStr(urlsplit(connection.dsn)._replace(path=f"/{name}").geturl()))
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    finally:
        await admin.close()


@pytest_asyncio.fixture
async def empty_database(mongo: MongoSettings, new_name: Callable[[], str]) -> AsyncIterator[Database]:
    client, name = connect(mongo), new_name()
    yield client[name]
    await client.drop_database(name)
    await client.close()


@pytest.fixture(scope="package")
def service_environment(stack: Stack) -> Callable[[str], dict[str, str]]:
    """The environment that `make up` would give a process of the named service, its page on a free port.

    A test that asks for it names the servers that the service needs as well.
    """

    def environment(name: str) -> dict[str, str]:
        service = next(each for each in SERVICES if each.name == name)
        settings = {k: v for need in service.needs for k, v in stack.connection(need).settings(name).items()}
        return {**os.environ, **settings, "MLP_HTTP_HOST": "127.0.0.1", "MLP_HTTP_PORT": "0"}

    return environment
