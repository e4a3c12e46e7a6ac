"""The executor on the stack's servers, with a driver of the test's own or as a process with the real one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self
from uuid import uuid4

import pytest
import pytest_asyncio

from chassis.service import Service
from chassis.settings import HttpSettings, MongoSettings, S3Settings
from infra.embedded.stack import Stack
from schemas.deployments import DeploymentActivated
from services.executor.app import build
from services.executor.settings import Settings
from tests.conftest import KafkaServer
from tests.integration.executor.bench import Bench, features
from tests.integration.executor.control.process import ExecutorProcess
from tests.integration.executor.control.world import World, made_world
from tests.unit.executor.fakes import FakeScoring
from tests.unit.executor.requests import activated, registered


@pytest.fixture(scope="session")
def s3(stack: Stack) -> S3Settings:
    return S3Settings(**stack.connection("s3").described())


@pytest_asyncio.fixture(scope="session")
async def world(kafka: KafkaServer) -> AsyncIterator[World]:
    made = await made_world(kafka)
    yield made
    await made.stop()


@pytest.fixture(scope="session")
def store(s3: S3Settings) -> Bench:
    return Bench(s3)


@dataclass
class Deployer:
    """Makes models and deployments known."""

    world: World
    store: Bench
    _revisions: dict[str, int] = field(default_factory=dict)

    async def model(self, **said: object) -> str:
        model_id = f"m-{uuid4().hex[:12]}"
        await self.world.tell(registered(model_id=model_id, **said))
        return model_id

    async def __call__(self, *, model: dict[str, object] | None = None, **said: object) -> str:
        """A deployment of a new model, on an input of ten rows unless said otherwise; its id."""
        if "input" not in said:
            said["input"] = {"uri": self.store.parquet(features(10)), "format": "parquet"}
        fact = self.fact(model_id=await self.model(**(model or {})), deployment_id=f"d-{uuid4().hex[:12]}", **said)
        await self.world.tell(fact)
        return fact.deployment_id

    def fact(self, **said: object) -> DeploymentActivated:
        return activated(revision=1, **said)


@pytest.fixture(scope="session")
def deploy(world: World, store: Bench) -> Deployer:
    return Deployer(world, store)


class Running:
    """A service's life as a task of the test, without its page and its signals."""

    def __init__(self, service: Service) -> None:
        self.service = service

    async def __aenter__(self) -> Self:
        await self.service.objects.__aenter__()
        self._life = asyncio.create_task(self.service._live())
        async with asyncio.timeout(60):
            while not await self._is_ready():
                if self._life.done():
                    await self._life
                await asyncio.sleep(0.05)
        return self

    async def __aexit__(self, *exc_info: object) -> None:
        await self.service.consumers.stop()
        self._life.cancel()
        await asyncio.wait((self._life,))
        await self.service._drain()
        await self.service._close()
        await self.service.objects.__aexit__()

    async def _is_ready(self) -> bool:
        return not any((await self.service.health.report()).values())


@pytest.fixture(scope="session")
def make_executor(
    kafka: KafkaServer, mongo: MongoSettings, s3: S3Settings
) -> Callable[[Callable[[], FakeScoring]], Running]:
    def make(driver: Callable[[], FakeScoring]) -> Running:
        settings = Settings(
            kafka=kafka.settings("executor"), mongo=mongo, s3=s3, http=HttpSettings(port=0), lease_s=3, slots=1
        )
        return Running(build(settings, make_driver=driver))

    return make


@pytest_asyncio.fixture(scope="module")
async def driver(make_executor) -> AsyncIterator[FakeScoring]:
    """The driver of an executor that runs as long as the module's tests."""
    made = FakeScoring()
    async with make_executor(lambda: made):
        yield made


@pytest.fixture
def start_executor(
    service_environment: Callable[[str], dict[str, str]], kafka: KafkaServer, mongo: MongoSettings, tmp_path: Path
) -> Iterator[Callable[[], ExecutorProcess]]:
    """Starts executors with a short lease and one core, which end with the test."""
    started: list[ExecutorProcess] = []
    environment = {
        **service_environment("executor"),
        "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000",
        "MLP_EXECUTOR_LEASE_S": "5",
        "MLP_SPARK_MASTER": "local[1,4]",
        "MLP_SCORING_ROWS_PER_SPLIT": "5000",
    }

    def start() -> ExecutorProcess:
        started.append(ExecutorProcess(environment, tmp_path / f"executor-{len(started)}.log"))
        return started[-1]

    yield start
    for each in started:
        each.thaw()
        each.stop()
