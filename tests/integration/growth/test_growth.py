"""Years of versions, requests and waiting requests leave the way from a request to its fact about as short as it was.

Each test seeds its kind straight into topics and stores, and compares with the same platform while it was empty.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final
from uuid import uuid4

import bson
import pytest
import pytest_asyncio
import structlog

from chassis import tasks
from chassis.documents.client import Client, Document, connect
from chassis.objects import Objects
from schemas.models import ModelUpdateRequested
from tests.integration.growth import seeding
from tests.integration.growth.platform import Platform

log = structlog.get_logger(__name__)

pytestmark = [pytest.mark.long, pytest.mark.timeout(3000)]

_ENVIRONMENT: Final = {"MLP_KAFKA_SESSION_TIMEOUT_MS": "6000", "MLP_REGISTRY_LEASE_S": "6"}
_TWICE: Final = 2.0


@pytest_asyncio.fixture(scope="module")
async def client(mongo) -> AsyncIterator[Client]:
    async with connect(mongo) as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def platform(
    kafka, mongo, s3, service_environment: Callable[[str], dict[str, str]], tmp_path_factory
) -> AsyncIterator[Platform]:
    names = ("registry", "deployer", "executor")
    environments = {name: {**service_environment(name), **_ENVIRONMENT} for name in names}
    logs: Path = tmp_path_factory.mktemp("growth")
    async with Objects(s3) as objects:
        yield Platform(kafka, objects, environments, logs)


@pytest_asyncio.fixture(scope="module")
async def empty(platform: Platform) -> dict[str, float]:
    """How long answers take while there is next to nothing."""
    async with platform.running() as outsider:
        await platform.make(outsider)
        return await platform.measured(outsider, own=platform.own, known=platform.known)


@pytest.fixture
def as_fast(empty: dict[str, float], request: pytest.FixtureRequest) -> Callable[[dict[str, float]], None]:
    def compare(full: dict[str, float]) -> None:
        ratios = {kind: full[kind] / empty[kind] for kind in full}
        for kind, ratio in ratios.items():
            figures = {"empty_ms": round(empty[kind], 1), "full_ms": round(full[kind], 1), "ratio": round(ratio, 2)}
            log.info("measured", test=request.node.name, kind=kind, **figures)
        assert max(ratios.values()) <= _TWICE, ratios

    return compare


async def test_ten_thousand_versions_of_a_thousand_columns(platform, client, kafka, as_fast):
    model_id = f"big-{uuid4().hex[:8]}"
    await seeding.versions(client, kafka, model_id=model_id, like=platform.own, count=10_000)

    async with platform.running() as outsider:
        full = await platform.measured(outsider, own=model_id, known=model_id)

    documents = [client["registry"]["models"], *(client[each]["known_models"] for each in ("deployer", "executor"))]
    assert max([len(bson.encode(await found(each, model_id))) for each in documents]) < 32 * 1024
    assert (await found(documents[0], model_id))["versions"] > 10_000
    as_fast(full)


async def test_a_hundred_thousand_handled_requests_of_one_model(platform, client, as_fast):
    model_id = f"busy-{uuid4().hex[:8]}"
    request_ids = [str(uuid4()) for _ in range(100_000)]
    await seeding.handled(client, model_id=model_id, like=platform.own, request_ids=request_ids)

    async with platform.running() as outsider:
        full = await platform.measured(outsider, own=model_id)
        for each in (request_ids[0], request_ids[50_000], request_ids[-1]):
            await outsider.ask(ModelUpdateRequested(model_id=model_id, description="again"), request_id=each)
        await outsider.asked(ModelUpdateRequested(model_id=model_id, description="the last"))
        assert not any(outsider.to(each) for each in request_ids)
        async with asyncio.timeout(10):
            while len((await found(client["registry"]["models"], model_id))["_inbox"]) > 64:
                await asyncio.sleep(0.1)

    as_fast(full)


async def test_five_thousand_registrations_that_wait_for_a_slow_one(platform, client, as_fast):
    registrations = client["registry"]["registrations"]
    slow = f"slow-{uuid4().hex[:8]}"
    async with platform.running() as outsider:
        document = await accepted(platform, registrations, outsider)
    await seeding.waiting(registrations, model_id=slow, document=document, count=5000)

    async with platform.running() as outsider, beating(registrations):
        full = await platform.measured(outsider, own=platform.own)
        waits = await outsider.ask(ModelUpdateRequested(model_id=slow, description="behind them"))
        await outsider.asked(ModelUpdateRequested(model_id=platform.own, description="the last"))
        assert outsider.to(waits) == []

    assert await registrations.count_documents({"about": f"model/{slow}"}) == 5001
    await client["registry"]["queues"].delete_many({"_id": f"model/{slow}"})
    await registrations.delete_many({})
    as_fast(full)


async def found(collection: Any, document_id: str) -> Document:
    document = await collection.find_one({"_id": document_id})
    assert document is not None
    return document


async def accepted(platform: Platform, registrations: Any, outsider: Any) -> Document:
    """A registration as it waits."""
    request = await platform.registration(platform.own)
    await outsider.ask(request)
    async with asyncio.timeout(20):
        while (document := await registrations.find_one({})) is None:
            await asyncio.sleep(0.001)
    return {name: value for name, value in document.items() if name != "lease"}


@asynccontextmanager
async def beating(registrations: Any) -> AsyncIterator[None]:
    """Whoever has the first of them lives."""

    async def beat() -> None:
        while True:
            await registrations.update_one({"_id": "w0"}, {"$inc": {"lease.beat": 1}})
            await asyncio.sleep(1)

    task = asyncio.create_task(beat())
    try:
        yield
    finally:
        await tasks.end(task)
