from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from chassis.documents.client import Database, connect
from chassis.settings import MongoSettings, S3Settings
from tests.conftest import KafkaServer

from .bus import Neighbours, connected
from .process import DeployerProcess

StartDeployer = Callable[[], DeployerProcess]


@pytest.fixture(scope="session")
def deployer_environment(
    service_environment: Callable[[str], dict[str, str]], kafka: KafkaServer, mongo: MongoSettings, s3: S3Settings
) -> dict[str, str]:
    return {**service_environment("deployer"), "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000"}


@pytest.fixture
def start_deployer(deployer_environment: dict[str, str], tmp_path: Path) -> Iterator[StartDeployer]:
    """Starts deployers, which end with the test."""
    started: list[DeployerProcess] = []

    def start() -> DeployerProcess:
        started.append(DeployerProcess(deployer_environment, tmp_path / f"deployer-{len(started)}.log"))
        return started[-1]

    yield start
    for each in started:
        each.stop()


@pytest.fixture(scope="module")
def deployer(deployer_environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """One that runs as long as the module's tests."""
    process = DeployerProcess(deployer_environment, tmp_path_factory.mktemp("deployer") / "log")
    process.await_ready()
    yield
    assert process.stop() == 0


@pytest_asyncio.fixture(scope="session")
async def neighbours(kafka: KafkaServer) -> AsyncIterator[Neighbours]:
    both = await connected(kafka.settings)
    yield both
    await both.stop()


@pytest_asyncio.fixture(scope="session")
async def database(mongo: MongoSettings) -> AsyncIterator[Database]:
    client = connect(mongo)
    yield client["deployer"]
    await client.close()
