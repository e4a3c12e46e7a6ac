"""A warm driver on an object store, and a bench to lay inputs and models on and read outputs from."""

import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
import pytest_asyncio

from chassis.sandbox.settings import SandboxSettings
from chassis.settings import S3Settings
from infra.embedded.layout import CHECKOUT
from services.executor.scoring.settings import Profile, ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench


@pytest.fixture(scope="package")
def scoring_settings(s3: S3Settings, tmp_path_factory: pytest.TempPathFactory) -> ScoringSettings:
    folder = tmp_path_factory.mktemp("scoring")
    python = Path(os.environ.get("MLP_SANDBOX_PYTHON", CHECKOUT / ".venv-model/bin/python"))
    return ScoringSettings(
        s3=s3,
        sandbox=SandboxSettings(python=python),
        cache_dir=folder / "cache",
        work_dir=folder / "work",
        profiles={"large": Profile(cores=1, memory_factor=1.5)},
        nice=0,
    )


@asynccontextmanager
async def warmed(settings: ScoringSettings) -> AsyncGenerator[WarmDriver]:
    driver = WarmDriver(settings)
    await driver.start()
    try:
        yield driver
    finally:
        await driver.stop()


@pytest_asyncio.fixture(scope="package")
async def driver(scoring_settings: ScoringSettings) -> AsyncIterator[WarmDriver]:
    async with warmed(scoring_settings) as driver:
        yield driver


@pytest.fixture(scope="package")
def bench(s3: S3Settings) -> Bench:
    return Bench(s3)
