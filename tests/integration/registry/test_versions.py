"""Versions on the real document store, wherever the relay is: in the outbox, in both places, or in documents alone."""

import json
from dataclasses import dataclass, field

import pytest
import pytest_asyncio

from chassis.bus.outgoing import EventFactory
from chassis.clock import SystemClock, new_id
from chassis.documents.aggregates import Aggregates
from chassis.documents.handled import Handled
from chassis.documents.relay import Relay
from chassis.errors import BusUnavailable, Refusal
from schemas.models import ModelArchivalRequested, VersionPromotionRequested
from services.registry.domain.model import Model
from services.registry.migration import Migration
from services.registry.ports import Taken
from services.registry.store import Versions
from services.registry.usecases.archive_model import ArchiveModel
from services.registry.usecases.promote_version import PromoteVersion
from services.registry.usecases.register_version import RegisterVersion
from tests.unit.registry.fakes import NobodyCollects, delivery
from tests.unit.registry.requests import artifact, registration


@dataclass
class Bus:
    """Takes what it is given, unless it is away."""

    published: list = field(default_factory=list)
    is_away: bool = False

    async def publish(self, records) -> None:
        if self.is_away:
            raise BusUnavailable("switched off by the test")
        self.published += records


class Registry:
    """The use cases about models on a store; the relay works when it is told to."""

    def __init__(self, database) -> None:
        self.bus, self.content = Bus(), 0
        clock = SystemClock()
        self.relay = Relay(self.bus, clock)
        self.versions = Versions(database["model_versions"])
        events = EventFactory(source="/services/registry", clock=clock, new_id=new_id)
        handled = Handled(database["handled"], clock)
        self.models = Aggregates(database["models"], Model, events=events, wake=self.relay.wake, handled=handled)
        self.relay.serve(self.models.collection, before_publish=self.versions.keep)
        self._register = RegisterVersion(self.models, self.versions, self._take, NobodyCollects(), clock)
        self._promote = PromoteVersion(self.models, self.versions, clock)
        self._archive = ArchiveModel(self.models, self.versions, clock)

    async def register(self, content, **said) -> int:
        """The version that the answer names."""
        self.content = content
        await self._register(registration(**said), delivery())
        await self.step()
        return (await self.facts())[-1]["version"]

    async def promote(self, version) -> None:
        request = VersionPromotionRequested(model_id="demand", version=version, alias="champion")
        await self._promote(request, delivery())
        await self.step()

    async def archive(self, version) -> None:
        await self._archive(ModelArchivalRequested(model_id="demand", version=version), delivery())
        await self.step()

    async def step(self) -> None:
        """What the relay does between two requests: nothing."""

    async def facts(self) -> list[dict]:
        """What was said since the beginning, on the bus or not."""
        document = await self.models.collection.find_one({"_id": "demand"})
        waiting = [each["value"] for each in document["_outbox"]]
        return [json.loads(each) for each in [*(each.value for each in self.bus.published), *waiting]]

    async def _take(self, request, rely_on):
        return Taken(artifact(self.content), ())


class Keeping(Registry):
    """Its relay writes versions' documents and can't publish."""

    async def step(self) -> None:
        self.bus.is_away = True
        with pytest.raises(BusUnavailable):
            await self.relay.drain()


class Publishing(Registry):
    async def step(self) -> None:
        await self.relay.drain()


@pytest_asyncio.fixture(params=[Registry, Keeping, Publishing], ids=["unpublished", "kept", "published"])
async def registry(request, empty_database) -> Registry:
    made = request.param(empty_database)
    await made.versions.prepare()
    return made


async def code(awaitable) -> str:
    with pytest.raises(Refusal) as refused:
        await awaitable
    return refused.value.code


async def test_versions_count_up_and_the_same_is_matched(registry):
    assert [await registry.register(content) for content in (1, 2, 1, 3, 2)] == [1, 2, 1, 3, 2]
    assert await registry.register(1, entrypoint="model:predict") == 4
    assert (await registry.models.load("demand")).versions == 4


async def test_what_is_archived_is_archived_wherever_that_stands(registry):
    await registry.register(1)
    await registry.register(2)
    await registry.promote(1)
    await registry.archive(1)

    assert await code(registry.promote(1)) == "version-archived"
    assert await code(registry.archive(1)) == "version-archived"
    assert await code(registry.promote(3)) == "version-unknown"
    assert await registry.register(1) == 1, "it is still that version"
    await registry.promote(2)


async def test_a_version_that_is_published_while_it_is_looked_for_is_seen(empty_database):
    registry = Registry(empty_database)
    await registry.register(1)
    look = registry.versions._find

    async def published_meanwhile(which):
        await registry.relay.drain()
        return await look(which)

    registry.versions._find = published_meanwhile
    assert await registry.register(1) == 1
    await registry.promote(1)


async def test_a_relay_that_repeats_itself_brings_no_archived_version_back(empty_database):
    registry = Registry(empty_database)
    await registry.register(1)
    await registry.archive(1)
    document = await registry.models.collection.find_one({"_id": "demand"})
    await registry.relay.drain()

    for _ in range(2):
        await registry.versions.keep(registry.bus.published[:1])
    assert len(document["_outbox"]) == 2
    assert await code(registry.promote(1)) == "version-archived"


async def former(registry, database) -> None:
    """Make the store as it was when models listed their versions: of three, the second archived."""
    marks = []
    for content in (1, 2, 3):
        await registry.register(content)
    await registry.archive(2)
    await registry.relay.drain()
    for number in (1, 2, 3):
        kept = await database["model_versions"].find_one({"_id": f"demand/{number}"})
        marks.append(kept["fingerprint"])
    await database["model_versions"].update_many({}, {"$unset": {"state": "", "fingerprint": ""}})
    versions = [
        {"number": number, "sha256": "a", "fingerprint": mark, "state": "archived" if number == 2 else "active"}
        for number, mark in enumerate(marks, start=1)
    ]
    await database["models"].update_one({"_id": "demand"}, {"$set": {"versions": versions}})


async def test_models_that_list_their_versions_are_migrated(empty_database):
    registry = Publishing(empty_database)
    await registry.versions.prepare()
    await former(registry, empty_database)
    migration = Migration(empty_database["models"], empty_database["model_versions"])
    for _ in range(2):
        await migration.run()

    assert (await empty_database["models"].find_one({"_id": "demand"}))["versions"] == 3
    assert await registry.register(3) == 3
    assert await code(registry.promote(2)) == "version-archived"
    await registry.promote(1)
    assert await registry.register(4) == 4


async def test_a_migration_that_comes_late_takes_nothing_back(empty_database):
    registry = Publishing(empty_database)
    await registry.versions.prepare()
    await former(registry, empty_database)
    late = Migration(_AsRead(empty_database["models"]), empty_database["model_versions"])
    await late._models.read()
    await Migration(empty_database["models"], empty_database["model_versions"]).run()
    await registry.archive(1)

    await late.run()

    assert await code(registry.promote(1)) == "version-archived"
    assert await registry.register(4) == 4


class _AsRead:
    """A collection whose first reads are of long ago."""

    def __init__(self, collection) -> None:
        self._collection = collection
        self._documents: list = []

    async def read(self) -> None:
        self._documents = await self._collection.find({}).to_list()

    def find(self, *which):
        return self._collection.find({})

    async def find_one(self, *which):
        return self._documents.pop() if self._documents else await self._collection.find_one(*which)

    async def update_one(self, *change):
        return await self._collection.update_one(*change)
