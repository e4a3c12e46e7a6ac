"""The whole platform on servers of its own, seen from outside: an upstream system's producer, consumer and buckets."""

import asyncio
import shutil
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any
from uuid import uuid4

import asyncpg
import obstore
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import pytest_asyncio

from examples.grocery.bus import Bus
from examples.grocery.events import Message
from examples.grocery.objects import Buckets
from examples.grocery.results import read_predictions
from examples.grocery.stack import Stack as Addresses
from examples.grocery.stack import read_stack
from infra.embedded.stack import Stack

ANSWERS = {
    "ModelRegistrationRequested": {"ModelRegistered", "ModelRegistrationMatched"},
    "ModelUpdateRequested": {"ModelUpdated"},
    "VersionPromotionRequested": {"VersionPromoted"},
    "DatasetRegistrationRequested": {"DatasetRegistered"},
    "DeploymentRequested": {"DeploymentActivated"},
    "DeploymentChangeRequested": {"DeploymentPaused", "DeploymentResumed", "DeploymentRetired"},
    "ExecutionRequested": {"ExecutionQueued", "ExecutionMatched"},
    "ExecutionCancellationRequested": {"ExecutionCancelling"},
}


@pytest.fixture(scope="package")
def addresses() -> Iterator[Addresses]:
    data = Path(tempfile.mkdtemp(prefix="mlp-system-"))
    data.chmod(0o755)  # PostgreSQL's user has to get through
    stack = Stack(data)
    try:
        stack.up()
        yield read_stack(stack.layout.stack_file)
    finally:
        stack.clean()
        shutil.rmtree(data, ignore_errors=True)


@dataclass
class Upstream:
    """What a system outside can do, and all that it has heard."""

    addresses: Addresses
    bus: Bus
    buckets: Buckets
    name: str = field(default_factory=lambda: f"s-{uuid4().hex[:10]}")

    async def put(self, uri: str, content: bytes) -> None:
        store, key = self.buckets.at(uri)
        await obstore.put_async(store, key, content)

    async def put_table(self, uri: str, table: pa.Table, **options: Any) -> None:
        buffer = BytesIO()
        pq.write_table(table, buffer, **options)
        await self.put(uri, buffer.getvalue())

    async def ask(self, kind: str, subject: str, **data: Any) -> Message:
        """Send a request; its fact. Raises: RefusalError."""
        request = request_for(kind, subject, data)
        return await self.bus.ask(request, answers=ANSWERS[kind])

    async def register_model(
        self, model_id: str, content: bytes, signature: dict[str, Any], model_format: str
    ) -> Message:
        uri = f"s3://models/incoming/{self.name}/{model_id}.{model_format}"
        await self.put(uri, content)
        return await self.ask("ModelRegistrationRequested", model_id, **model(model_id, uri, signature, model_format))

    async def register_dataset(self, dataset_id: str, uri: str, data_format: str = "parquet") -> Message:
        described = {"name": dataset_id, "uri": uri, "format": data_format, "markets": ["FR"], "brands": []}
        return await self.ask("DatasetRegistrationRequested", dataset_id, dataset_id=dataset_id, **described)

    async def deploy(
        self, deployment_id: str, model_id: str, uri: str, data_format: str = "parquet", **more: Any
    ) -> Message:
        described = {
            "deployment_id": deployment_id,
            "name": deployment_id,
            "model_id": model_id,
            "market": "FR",
            "input": {"uri": uri, "format": data_format},
        }
        version = {} if "alias" in more else {"version": 1}
        return await self.ask("DeploymentRequested", deployment_id, **described, **version, **more)

    async def execute(self, deployment_id: str, **more: Any) -> dict[str, Any]:
        """Ask for an execution and wait for its end: the data of ExecutionFinished."""
        execution_id = str(uuid4())
        described = {"execution_id": execution_id, "deployment_id": deployment_id, "trigger": "manual"}
        await self.ask("ExecutionRequested", execution_id, **described, **more)
        return await self.finished(execution_id)

    async def finished(self, execution_id: str) -> dict[str, Any]:
        end = await self.bus.first(
            lambda message: message.type == "ExecutionFinished" and message.subject == execution_id,
            waiting_for=f"the end of {execution_id}",
            timeout_s=120,
        )
        return end.data

    async def predictions(self, finished: dict[str, Any]) -> pa.Table:
        assert finished["status"] == "succeeded", finished.get("error")
        return await read_predictions(self.buckets, finished["output"])

    async def rows(self, query: str, *arguments: Any, count: int = 1, seconds: float = 30) -> list[Any]:
        """What PostgreSQL answers, once it answers `count` rows."""
        connection = await asyncpg.connect(self.addresses.postgres_dsn)
        try:
            async with asyncio.timeout(seconds):
                while len(found := await connection.fetch(query, *arguments)) < count:
                    await asyncio.sleep(0.1)
            return found
        finally:
            await connection.close()


def request_for(kind: str, subject: str, data: dict[str, Any]) -> Message:
    topic = {"Model": "model", "Version": "model", "Dataset": "dataset", "Deployment": "deployment"}
    which = next((name for prefix, name in topic.items() if kind.startswith(prefix)), "execution")
    request_id = str(uuid4())
    return Message(f"ml.{which}.requests", kind, subject, data, correlation_id=request_id, id=request_id)


def model(model_id: str, uri: str, signature: dict[str, Any] | None, model_format: str) -> dict[str, Any]:
    described: dict[str, Any] = {
        "model_id": model_id,
        "name": model_id,
        "description": "Made by a test.",
        "function": "supply-chain",
        "owner": "tests",
        "markets": ["FR", "DE"],
        "brands": [],
        "format": model_format,
        "artifact": {"uri": uri},
    }
    return described if signature is None else {**described, "signature": signature}


@pytest_asyncio.fixture
async def upstream(addresses: Addresses) -> AsyncIterator[Upstream]:
    async with Bus(addresses.kafka) as bus:
        yield Upstream(addresses, bus, Buckets(addresses.objects))
