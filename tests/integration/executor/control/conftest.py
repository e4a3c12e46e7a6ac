"""The executor on the stack's servers, with a driver of the test's own or as a process with the real one."""

import tempfile
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
import pytest_asyncio

from chassis.service import Service
from chassis.settings import HttpSettings, MongoSettings, S3Settings
from schemas.deployments import DeploymentActivated
from services.executor.app import build
from services.executor.settings import Settings
from tests.integration.executor.bench import Bench, features
from tests.integration.executor.control.world import World
from tests.integration.kafka import KafkaServer
from tests.integration.living import living
from tests.integration.process import StartService, starting
from tests.unit.executor.fakes import FakeScoring
from tests.unit.executor.requests import activated, registered


@pytest_asyncio.fixture(scope="package")
async def world(kafka: KafkaServer) -> AsyncIterator[World]:
    async with World(kafka) as made:
        yield made


@dataclass
class Deployer:
    """Makes models and deployments known."""

    world: World
    bench: Bench
    _revisions: dict[str, int] = field(default_factory=dict)

    async def model(self, **said: object) -> str:
        model_id = f"m-{uuid4().hex[:12]}"
        await self.world.tell(registered(model_id=model_id, **said))
        return model_id

    async def __call__(self, *, model: dict[str, object] | None = None, **said: object) -> str:
        """A deployment of a new model, on an input of ten rows unless said otherwise; its id."""
        if "input" not in said:
            said["input"] = {"uri": self.bench.parquet(features(10)), "format": "parquet"}
        fact = self.fact(model_id=await self.model(**(model or {})), deployment_id=f"d-{uuid4().hex[:12]}", **said)
        await self.world.tell(fact)
        return fact.deployment_id

    def fact(self, **said: object) -> DeploymentActivated:
        return activated(revision=1, **said)


@pytest.fixture(scope="package")
def deploy(world: World, bench: Bench) -> Deployer:
    return Deployer(world, bench)


MakeExecutor = Callable[[Callable[[], FakeScoring]], AbstractAsyncContextManager[Service]]


@pytest.fixture(scope="package")
def make_executor(kafka: KafkaServer, mongo: MongoSettings, s3: S3Settings) -> MakeExecutor:
    def make(driver: Callable[[], FakeScoring]) -> AbstractAsyncContextManager[Service]:
        settings = Settings(
            kafka=kafka.settings("executor"), mongo=mongo, s3=s3, http=HttpSettings(port=0), lease_s=3, slots=1
        )
        return living(build(settings, make_driver=driver))

    return make


@pytest_asyncio.fixture(scope="module")
async def driver(make_executor) -> AsyncIterator[FakeScoring]:
    """The driver of an executor that runs as long as the module's tests."""
    made = FakeScoring()
    async with make_executor(lambda: made):
        yield made


@pytest.fixture
def drivers_folder() -> Iterator[Path]:
    """Where drivers keep their files; its path is short enough for their sockets."""
    with tempfile.TemporaryDirectory(prefix="mlp-d-", ignore_cleanup_errors=True) as folder:
        yield Path(folder)


@pytest.fixture
def executor_environment(
    service_environment: Callable[[str], dict[str, str]], kafka: KafkaServer, mongo: MongoSettings, drivers_folder: Path
) -> dict[str, str]:
    """Of an executor with a short lease and one core."""
    return {
        **service_environment("executor"),
        "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000",
        "MLP_EXECUTOR_LEASE_S": "5",
        "MLP_SCORING_WORK_DIR": str(drivers_folder),
        "MLP_SPARK_MASTER": "local[1,4]",
        "MLP_SCORING_ROWS_PER_SPLIT": "5000",
    }


@pytest.fixture
def start_executor(executor_environment: dict[str, str], tmp_path: Path) -> Iterator[StartService]:
    """Starts executors, which end with the test."""
    with starting("executor", executor_environment, tmp_path) as start:
        yield start
