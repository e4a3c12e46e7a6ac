from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from chassis.documents.client import Database, connect
from chassis.objects import Objects
from chassis.settings import MongoSettings, S3Settings
from services.registry.waiting import Registrations
from tests.integration.kafka import KafkaServer
from tests.integration.process import StartService, serving, starting
from tests.integration.registry.office import Office
from tests.integration.registry.upstream import ANSWERS, Upstream


@pytest.fixture(scope="package")
def registry_environment(
    service_environment: Callable[[str], dict[str, str]], kafka: KafkaServer, mongo: MongoSettings, s3: S3Settings
) -> dict[str, str]:
    return {
        **service_environment("registry"),
        "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000",
        "MLP_REGISTRY_LEASE_S": "3",
        "MLP_REGISTRY_MAX_ARTIFACT_BYTES": str(64 * 1024 * 1024),
    }


@pytest.fixture
def start_registry(registry_environment: dict[str, str], tmp_path: Path) -> Iterator[StartService]:
    """Starts registries, which end with the test."""
    with starting("registry", registry_environment, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def registry(registry_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One that runs as long as the module's tests."""
    with serving("registry", registry_environment, tmp_path_factory.mktemp("registry")):
        yield


@pytest_asyncio.fixture(scope="package")
async def upstream(kafka: KafkaServer) -> AsyncIterator[Upstream]:
    async with Upstream(kafka, *ANSWERS) as one:
        yield one


@pytest_asyncio.fixture(scope="package")
async def objects(s3: S3Settings) -> AsyncIterator[Objects]:
    async with Objects(s3) as client:
        yield client


@pytest_asyncio.fixture(scope="package")
async def database(mongo: MongoSettings) -> AsyncIterator[Database]:
    client = connect(mongo)
    yield client["registry"]
    await client.close()


@pytest_asyncio.fixture
async def registrations(empty_database: Database) -> Registrations:
    """Those of a database of their own."""
    made = Registrations(empty_database["registrations"], empty_database["queues"])
    await made.prepare()
    return made


@pytest.fixture
def office() -> Office:
    return Office()
