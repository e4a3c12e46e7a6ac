from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from chassis.documents.client import Database, connect
from chassis.settings import MongoSettings, S3Settings
from tests.integration.kafka import KafkaServer
from tests.integration.outsider import Outsider
from tests.integration.process import StartService, serving, starting


@pytest.fixture(scope="package")
def deployer_environment(
    service_environment: Callable[[str], dict[str, str]], kafka: KafkaServer, mongo: MongoSettings, s3: S3Settings
) -> dict[str, str]:
    return {**service_environment("deployer"), "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000"}


@pytest.fixture
def start_deployer(deployer_environment: dict[str, str], tmp_path: Path) -> Iterator[StartService]:
    """Starts deployers, which end with the test."""
    with starting("deployer", deployer_environment, tmp_path) as start:
        yield start


@pytest.fixture(scope="module")
def deployer(deployer_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One that runs as long as the module's tests."""
    with serving("deployer", deployer_environment, tmp_path_factory.mktemp("deployer")):
        yield


@pytest_asyncio.fixture(scope="package")
async def neighbours(kafka: KafkaServer) -> AsyncIterator[Outsider]:
    """A registry that states facts, and an upstream system that asks."""
    async with Outsider(
        kafka, "ml.deployment.events", "ml.deployment.refusals", principals=("upstream", "registry")
    ) as both:
        yield both


@pytest_asyncio.fixture(scope="package")
async def database(mongo: MongoSettings) -> AsyncIterator[Database]:
    client = connect(mongo)
    yield client["deployer"]
    await client.close()
