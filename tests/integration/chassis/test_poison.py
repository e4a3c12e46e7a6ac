"""Poison leaves the line within 5 s of being written, holds up nobody longer than that, and is not tried for ever."""

import asyncio
import json
import time
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from schemas.models import ModelUpdated
from schemas.topics import METRIC_OBSERVATIONS, MODEL_EVENTS
from tests.integration.living import living
from tests.integration.metrics.events import SERIES, series
from tests.integration.outsider import attributes

pytestmark = pytest.mark.timeout(120)

BOUND_S = 5.0
MARGIN_S = 1.0
UPDATE, ARCHIVAL = "ml.ModelUpdateRequested.v1", "ml.ModelArchivalRequested.v1"


async def neighbours(service, topic, new_name):
    """Two names on one partition."""
    first = new_name()
    where = await service.positions.partition_of(topic, first)
    while await service.positions.partition_of(topic, second := new_name()) != where:
        pass
    return first, second


@asynccontextmanager
async def quick(outsider, poisoned, service):
    """In the block poison is written, and what follows it is waited for. Then: buried in time, once, and quiet."""
    with capture_logs() as lines:
        begun = time.monotonic()
        yield
        assert time.monotonic() - begun < BOUND_S + MARGIN_S, "its neighbour waited too long"
        await outsider.hear(lambda each: each.is_dead_letter and each.key == poisoned, seconds=BOUND_S)
        assert time.monotonic() - begun < BOUND_S + MARGIN_S
        said, worked = len(lines), time.process_time()
        await outsider.nothing_more(lambda each: each.is_dead_letter and each.key == poisoned, 1, seconds=2)
        assert time.process_time() - worked < 1.0, "a hot loop"
        assert len(lines) == said, lines[said:]
        assert 1 <= said <= 10, lines


@pytest.mark.parametrize(
    ("value", "kind", "code"),
    [
        (b"\xff\x00", UPDATE, "bad-json"),
        (b"{}", "ml.NeverHeardOf.v1", "unknown-type"),
        (None, ARCHIVAL, "handler-failed"),
    ],
)
async def test_a_request_that_is_poison(counting, outsider, new_name, monkeypatch, value, kind, code):
    poisoned, healthy = await neighbours(counting.service, "ml.model.requests", new_name)
    asked, probe = [], counting.service.health.away

    async def counted():
        asked.append(1)
        return await probe()

    monkeypatch.setattr(counting.service.health, "away", counted)
    body = json.dumps({"model_id": poisoned}).encode() if value is None else value
    async with quick(outsider, poisoned, counting.service):
        await outsider.raw(body, poisoned, attributes(kind, poisoned))
        request_id = await outsider.send(healthy, description="fine")
        await outsider.answer(request_id, seconds=BOUND_S + MARGIN_S)

    (letter,) = outsider.find(lambda each: each.is_dead_letter and each.key == poisoned)
    tries = 5 if code == "handler-failed" else 1
    assert (letter.headers["dlq-error-code"], int(letter.headers["dlq-attempts"])) == (code, tries)
    assert len(asked) <= 5


def fold(known, fact):
    return {"facts": known.get("facts", 0) + 1}


async def test_a_fact_of_bad_schema(make_service, outsider, new_name):
    made = make_service()
    replica = made.service.follow("known_models", topic=MODEL_EVENTS, fold=fold)
    async with living(made.service):
        poisoned, healthy = await neighbours(made.service, MODEL_EVENTS.name, new_name)
        headers = attributes("ml.ModelUpdated.v1", poisoned, source="/services/registry", sequence="1")
        async with quick(outsider, poisoned, made.service):
            await outsider.write(
                MODEL_EVENTS.name, b'{"changes": 5}', key=poisoned, headers=headers, principal="registry"
            )
            await outsider.state("registry", ModelUpdated(model_id=healthy, changes={}, updated_by="x", request_id="1"))
            assert (await replica.get(healthy))["facts"] == 1


@pytest.mark.parametrize("body", [b"\xff\x00", None], ids=["bad bytes", "what can't be stored"])
async def test_poison_in_a_batch(batches, observer, new_name, body):
    service, shelf = batches
    poisoned, healthy = await neighbours(service, METRIC_OBSERVATIONS.name, new_name)
    shelf.poison.add(poisoned)

    async def observe(name, value=None):
        value = json.dumps(series(name)).encode() if value is None else value
        await observer.write(METRIC_OBSERVATIONS.name, value, key=name, headers=attributes(SERIES, name))

    async with quick(observer, poisoned, service):
        await asyncio.gather(observe(poisoned, body), *(observe(healthy) for _ in range(20)))
        async with asyncio.timeout(BOUND_S + MARGIN_S):
            while shelf.stored.count(healthy) < 20:
                await asyncio.sleep(0.02)

    assert shelf.choked <= 5 + 5  # halved until it is alone, then tried
    assert poisoned not in shelf.stored


def update(model_id):
    return json.dumps({"model_id": model_id, "description": "fine"}).encode()


POISON = {
    "handler-failed": (lambda name: json.dumps({"model_id": name}).encode(), ARCHIVAL),
    "bad-json": (lambda name: b"\xff\x00", UPDATE),
    "not-an-object": (lambda name: b"[]", UPDATE),
    "unknown-type": (lambda name: b"{}", "ml.NeverHeardOf.v1"),
    "missing-attributes": (update, ""),
    "bad-attributes": (update, "x" * 300),
}


@pytest.mark.parametrize("code", POISON)
async def test_ten_in_a_row_on_one_partition_hold_another_key_up_no_longer_than_one(counting, outsider, new_name, code):
    make, kind = POISON[code]
    where = await counting.service.positions.partition_of("ml.model.requests", healthy := new_name())
    poisoned = []
    while len(poisoned) < 10:
        name = new_name()
        if await counting.service.positions.partition_of("ml.model.requests", name) == where:
            poisoned.append(name)

    begun = time.monotonic()
    with capture_logs():
        for name in poisoned:
            await outsider.raw(make(name), name, attributes(kind, name))
        await outsider.answer(await outsider.send(healthy, description="fine"), seconds=30)
    assert time.monotonic() - begun < BOUND_S

    letters = await outsider.hear(lambda each: each.is_dead_letter and each.key in poisoned, 10)
    assert {each.headers["dlq-error-code"] for each in letters} == {code}


async def test_ten_in_a_row_in_batches_hold_the_others_up_no_longer_than_one(batches, observer, new_name):
    _, shelf = batches
    names = [new_name() for _ in range(60)]
    poisoned = names[5:15]
    shelf.poison |= set(poisoned)

    async def observe(name):
        body = json.dumps(series(name)).encode()
        await observer.write(METRIC_OBSERVATIONS.name, body, key=name, headers=attributes(SERIES, name))

    begun = time.monotonic()
    with capture_logs():
        for name in names:
            await observe(name)
        async with asyncio.timeout(30):
            while not set(shelf.stored) >= set(names) - set(poisoned):
                await asyncio.sleep(0.02)
    assert time.monotonic() - begun < BOUND_S + MARGIN_S
    await observer.hear(lambda each: each.is_dead_letter and each.key in poisoned, 10)
