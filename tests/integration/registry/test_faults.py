"""Killed in the middle, run twice, told twice: every request is answered once."""

import asyncio
import hashlib
import json
import time
from datetime import UTC, datetime

import pytest

from chassis.objects import Location
from services.registry.artifacts import directory_digest
from tests.integration.registry.bodies import registration
from tests.unit.registry.samples import PICKLE

REGISTER = "ModelRegistrationRequested"


async def _within(seconds: float, holds) -> None:
    deadline = time.monotonic() + seconds
    while not await holds():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)


async def _lay_directory(objects, prefix: str, files: int) -> str:
    """A directory whose copy takes a while; its digest."""
    contents = {"MLmodel": b"flavors:\n"} | {f"part-{number:04}": b"%d" % number * 9999 for number in range(files)}
    for path, data in contents.items():
        await objects.put(Location("models", f"{prefix}/{path}"), data)
    return directory_digest([(path, len(data), hashlib.sha256(data).hexdigest()) for path, data in contents.items()])


@pytest.mark.parametrize(
    "copied", [pytest.param(0, marks=pytest.mark.long), 1, pytest.param(40, marks=pytest.mark.long)]
)
async def test_a_registry_killed_in_the_middle_of_a_copy_answers_once(
    start_registry, upstream, objects, database, new_name, copied
):
    model_id = new_name()
    files = 150 + copied  # Another content each time: a copy that is there isn't made again.
    digest = await _lay_directory(objects, f"incoming/test/{model_id}", files)
    target = Location("models", f"sha256/{digest}/")

    async def begun() -> bool:
        if copied:
            return len(await objects.list(target)) >= copied
        return await database["registrations"].find_one({"about": f"model/{model_id}", "lease.owner": {"$ne": None}})

    first = start_registry()
    first.await_ready()
    body = registration(model_id, f"s3://models/incoming/test/{model_id}/", format="mlflow")
    request_id = await upstream.request(REGISTER, body)
    promotion = await upstream.request(
        "VersionPromotionRequested", {"model_id": model_id, "version": 1, "alias": "champion"}
    )
    await _within(30, begun)
    first.kill()
    assert len(await objects.list(target)) <= files, "it was through before it was killed"
    await upstream.request(REGISTER, body, request_id=request_id)

    start_registry().await_ready()
    registered = await upstream.answer(request_id)
    assert registered.type == "ml.ModelRegistered.v1"
    assert (await upstream.answer(promotion)).type == "ml.VersionPromoted.v1"
    assert registered.data["artifact"]["sha256"] == digest
    assert len(await objects.list(target)) == files + 1
    await upstream.settle()
    assert [len(upstream.to(each)) for each in (request_id, promotion)] == [1, 1]
    assert await database["registrations"].find_one({"about": f"model/{model_id}"}) is None


async def test_an_answer_saved_but_not_struck_off_is_not_given_again(
    start_registry, upstream, objects, database, new_name
):
    model_id, refused_id = new_name(), new_name()
    await objects.put(Location("models", f"incoming/test/{model_id}.pkl"), PICKLE)
    first = start_registry()
    first.await_ready()
    saved: list[dict] = []
    uri = f"s3://models/incoming/test/{model_id}.pkl"
    requests = [
        await upstream.request(REGISTER, registration(model_id, uri)),
        await upstream.request(REGISTER, registration(refused_id, f"{uri}x")),
    ]
    await asyncio.gather(*(upstream.answer(each) for each in requests))
    first.kill()
    # What a kill between the save and the removal leaves behind.
    for name, request_id in zip((model_id, refused_id), requests, strict=True):
        body = registration(name, uri)
        saved.append(
            {
                "_id": f"/upstream/test/{request_id}",
                "about": f"model/{name}",
                "topic": "ml.model.requests",
                "partition": 0,
                "offset": 0,
                "timestamp": datetime.now(UTC),
                "envelope": {"id": request_id, "source": "/upstream/test", "type": f"ml.{REGISTER}.v1"},
                "event": json.dumps(body),
                "actor": {"subject": "anonymous", "markets": ["*"], "roles": [], "is_scheduler": False},
                "lease": {"owner": "the killed one", "beat": 7, "fence": 1},
            }
        )
    await database["registrations"].insert_many(saved)
    start_registry().await_ready()

    async def struck_off() -> bool:
        keys = {"$in": [each["_id"] for each in saved]}
        return await database["registrations"].find_one({"_id": keys}) is None

    await _within(30, struck_off)
    await upstream.settle()
    assert [len(upstream.to(each)) for each in requests] == [1, 1]


async def test_two_registries_share_the_work_and_keep_each_models_order(start_registry, upstream, objects, new_name):
    both = [start_registry(), start_registry()]
    for each in both:
        each.await_ready()
    models = [new_name() for _ in range(5)]
    versions = range(1, 5)
    for number in versions:
        data = PICKLE[:-1] + bytes(number) + b"."
        await objects.put(Location("models", f"incoming/test/two/{number}.pkl"), data)
    asked: dict[str, list[str]] = {model_id: [] for model_id in models}
    for number in versions:
        for model_id in models:
            body = registration(model_id, f"s3://models/incoming/test/two/{number}.pkl")
            request_id = await upstream.request(REGISTER, body)
            asked[model_id].append(request_id)
            await upstream.request(REGISTER, body, request_id=request_id)
    promotions = [
        await upstream.request("VersionPromotionRequested", {"model_id": each, "version": 4, "alias": "champion"})
        for each in models
    ]
    both[0].stop()  # It gives back what it has in hand; the other goes on.
    for model_id in models:
        answers = [await upstream.answer(each) for each in asked[model_id]]
        assert [each.data["version"] for each in answers] == list(versions)
    for each in promotions:
        assert (await upstream.answer(each)).type == "ml.VersionPromoted.v1"
    await upstream.settle()
    everything = [*promotions, *(each for ids in asked.values() for each in ids)]
    assert {len(upstream.to(each)) for each in everything} == {1}
