"""A warm driver on an object store, and a bench to lay inputs and models on and read outputs from."""

import os
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from chassis.settings import S3Settings
from infra.embedded.credentials import Credentials
from infra.embedded.errors import NotReady
from infra.embedded.layout import Layout
from infra.embedded.part import Context
from infra.embedded.ports import Ports
from infra.embedded.s3 import S3Server
from services.executor.scoring.settings import SandboxSettings, ScoringSettings
from services.executor.scoring.warm_driver import WarmDriver
from tests.integration.executor.bench import Bench

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def s3(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Settings]:
    data = tmp_path_factory.mktemp("s3")
    layout = Layout(root=ROOT, data=data, downloads=data)
    context = Context(layout, os.environ, Ports(data / "ports.json", os.environ), Credentials(data / "secrets.json"))
    server = S3Server(context)
    server.prepare()
    with (data / "log").open("wb") as log:
        process = subprocess.Popen(server.program().command, stdout=log, stderr=log)
        try:
            connection = server.connection()
            deadline = time.monotonic() + 60
            while True:
                try:
                    connection.probe()
                    break
                except NotReady:
                    assert time.monotonic() < deadline, "the object store didn't get ready"
                    time.sleep(0.2)
            yield S3Settings(
                endpoint=connection.endpoint, access_key=connection.access_key, secret_key=connection.secret_key
            )
        finally:
            process.kill()
            process.wait()


@pytest.fixture(scope="session")
def scoring_settings(s3: S3Settings, tmp_path_factory: pytest.TempPathFactory) -> ScoringSettings:
    folder = tmp_path_factory.mktemp("scoring")
    python = Path(os.environ.get("MLP_EXECUTOR_MODEL_PYTHON", ROOT / ".venv-model/bin/python"))
    return ScoringSettings(
        s3=s3,
        sandbox=SandboxSettings(model_python=python),
        cache_dir=folder / "cache",
        work_dir=folder / "work",
        csv_block_bytes=64 * 1024,
        nice=0,
    )


@pytest_asyncio.fixture(scope="session")
async def driver(scoring_settings: ScoringSettings) -> AsyncIterator[WarmDriver]:
    warm = WarmDriver(scoring_settings)
    await warm.start()
    yield warm
    await warm.stop()


@pytest.fixture(scope="session")
def bench(s3: S3Settings) -> Bench:
    return Bench(s3)
