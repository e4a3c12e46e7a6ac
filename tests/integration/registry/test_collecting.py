"""Copies of models in the real store: those that nothing needs go, and a registration never finds half of one."""

import asyncio
import hashlib
import pickle
from dataclasses import replace
from datetime import UTC, datetime

import pytest
import pytest_asyncio

from chassis.bus.positions import Positions
from chassis.clock import SystemClock
from chassis.documents.client import connect
from chassis.garbage.collector import Kinds
from chassis.garbage.turn import COLLECTION, Turn, Turns
from chassis.objects import Location, Objects
from chassis.settings import GarbageSettings
from services.registry.garbage.kinds import kinds
from services.registry.store import Versions
from services.registry.waiting import Registrations
from tests.integration.collecting import AFTER, At, Died, Dying, collector, moment_between, passed
from tests.integration.outsider import Outsider
from tests.integration.registry.bodies import registration
from tests.unit.executor.requests import registered
from tests.unit.registry.fakes import delivery

pytestmark = pytest.mark.timeout(240)


def digest_of(name: str) -> str:
    return hashlib.sha256(name.encode()).hexdigest()


class World:
    """A registry's database of its own, and copies of its own beside everybody's."""

    def __init__(self, database, objects: Objects, facts: Positions, said: Outsider, name: str) -> None:
        self.database, self.objects, self.facts, self.said, self.name = database, objects, facts, said, name
        self.living: set[str] = set()
        self.garbage: set[str] = set()

    def kinds(self, objects: Objects | None = None) -> Kinds:
        return kinds(objects or self.objects, self.database, self.facts, GarbageSettings())

    async def copy(self, into: set[str], name: str, *paths: str) -> str:
        """The digest of a copy with these objects."""
        digest = digest_of(f"{self.name}/{name}")
        for path in paths or ("model.pkl",):
            where = Location("models", f"sha256/{digest}/{path}")
            await self.objects.put(where, b"model")
            into.add(str(where))
        return digest

    async def there(self) -> set[str]:
        mine = {digest_of(f"{self.name}/{each}") for each in NAMES}
        listed = await self.objects.list(Location("models", "sha256/"))
        return {str(each.location) for each in listed if each.location.key.split("/")[1] in mine}

    async def uploads(self) -> list[str]:
        return [each.upload_id async for each in self.objects.uploads(Location("models", "sha256/"))]

    async def seed(self) -> datetime:
        """Every kind of garbage, and every kind of what looks like it and isn't; a moment when it is all old enough."""
        await self.copy(self.garbage, "file")
        await self.copy(self.garbage, "folder", "MLmodel", "data/a", "data/deep/b")
        archived, outbox, waiting, told = [
            await self.copy(self.living, each) for each in ("archived", "outbox", "waiting", "told")
        ]
        artifact = {"uri": f"s3://models/sha256/{told}/model.pkl", "sha256": told, "size_bytes": 5}
        await self.said.state("registry", registered(model_id=self.name, artifact=artifact))
        version = {"_id": "demand/1", "artifact": {"sha256": archived}, "state": "archived"}
        await self.database["model_versions"].insert_one(version)
        events = [{"value": "{}"}, {"value": f'{{"artifact":{{"sha256":"{outbox}"}}}}'}]
        await self.database["models"].insert_one(
            {"_id": "demand", "_outbox": events, "_outbox_since": datetime.now(UTC)}
        )
        asked = delivery()
        await self.database["registrations"].insert_one({"_id": asked.request_key.text, "about": "model/demand"})
        registrations = Registrations(self.database["registrations"], self.database["queues"])
        for digest in ("0" * 64, waiting, waiting):
            await registrations.rely_on(asked.request_key, digest)
        await Versions(self.database["model_versions"]).prepare()
        between = await moment_between(self.objects, "models")
        await self.copy(self.living, "young")
        await self.copy(self.living, "half young", "old")
        return between + AFTER


NAMES = ("file", "folder", "archived", "outbox", "waiting", "told", "young", "half young")


@pytest_asyncio.fixture
async def seeded(kafka, mongo, objects, new_name):
    client, facts, name = connect(mongo), Positions(kafka.settings("registry")), new_name()
    async with Outsider(kafka, principals=("registry",)) as said:
        # What other tests of this folder registered is known to the registry, and not to this database.
        yield World(client[name], objects, facts, said, name)
    await client.drop_database(name)
    await facts.stop()
    await client.close()


def only(made: Kinds, world: World) -> Kinds:
    """Passing over others' copies: this database knows nothing of them, and facts only of some."""
    mine = {digest_of(f"{world.name}/{each}") for each in NAMES}
    copies, uploads = made.all

    class Mine:
        name = copies.name
        remove = copies.remove

        async def heaps(self, now):
            async for heap in copies.heaps(now):
                if heap.name in mine:
                    yield heap

    return replace(made, all=(Mine(), uploads))


async def test_exactly_what_nothing_needs_goes_and_a_look_removes_nothing(seeded):
    upload = Location("models", f"sha256/{digest_of(seeded.name)}/large.bin")
    begun = await seeded.objects._client._create_multipart_upload(upload.bucket, upload.key, {})
    others = await seeded.objects._client._create_multipart_upload("models", f"incoming/{seeded.name}", {})
    now = await seeded.seed()
    garbage = only(seeded.kinds(), seeded)

    found = [heap async for _, heap, _ in replace(garbage, store=At(now)).heaps()]
    assert sum(each.pile.objects for each in found if each.kind == "copy") == len(seeded.garbage) == 4
    assert begun in {each.name for each in found if each.kind == "upload"}
    assert await seeded.there() == seeded.living | seeded.garbage
    assert begun in await seeded.uploads()

    await passed(collector(garbage, seeded.database, now=now))
    assert await seeded.there() == seeded.living
    assert begun not in await seeded.uploads()
    incoming = [each async for each in seeded.objects.uploads(Location("models", f"incoming/{seeded.name}"))]
    assert [each.upload_id for each in incoming] == [others]
    await seeded.objects.give_up(incoming[0])


@pytest.mark.parametrize("after", [0, 1, 2, 3])
async def test_a_collector_that_dies_anywhere_is_followed_by_one_that_ends_it(seeded, s3, after):
    now = await seeded.seed()
    async with Dying(s3, after) as dying:
        with pytest.raises(Died):
            await passed(collector(only(seeded.kinds(dying), seeded), seeded.database, now=now))
    assert len(await seeded.there()) == len(seeded.living | seeded.garbage) - after
    assert (await seeded.database[COLLECTION].find_one({}))["removing"]

    await passed(collector(only(seeded.kinds(), seeded), seeded.database, now=now))
    assert await seeded.there() == seeded.living
    assert "removing" not in await seeded.database[COLLECTION].find_one({})


async def _taken(database) -> Turn:
    turns = Turns(database[COLLECTION], clock=SystemClock(), owner="test")
    async with asyncio.timeout(60):
        while (turn := await turns.take()) is None:
            await asyncio.sleep(0.5)
    return turn


async def _uploaded(objects, name: str) -> tuple[dict, Location]:
    """A request to register a model of which there is an old copy, and that copy."""
    content = pickle.dumps({"name": name})
    where = Location("models", f"incoming/test/{name}/model.pkl")
    await objects.put(where, content)
    copy = Location("models", f"sha256/{hashlib.sha256(content).hexdigest()}/model.pkl")
    await objects.put(copy, content)
    return registration(name, str(where)), copy


async def test_a_registration_waits_until_its_copy_is_removed_and_copies_anew(
    registry, upstream, objects, database, new_name
):
    body, copy = await _uploaded(objects, new_name())
    digest = copy.key.split("/")[1]
    turn = await _taken(database)

    async def removed(until: asyncio.Event) -> None:
        async with turn.removing(digest):
            await until.wait()
            await objects.remove(copy)

    copied = asyncio.Event()
    removing = asyncio.create_task(turn.hold.while_held(removed(copied)))
    await asyncio.sleep(0.5)
    asked = await upstream.request("ModelRegistrationRequested", body)
    async with asyncio.timeout(60):
        while not await database["registrations"].find_one({"relies_on": digest}):
            await asyncio.sleep(0.1)
    await asyncio.sleep(3)
    assert not upstream.to(asked), "it didn't wait"

    copied.set()
    await removing
    await turn.end(datetime.now(UTC))
    assert (await upstream.answer(asked)).name == "ModelRegistered"
    assert await objects.get(copy) == pickle.dumps({"name": body["model_id"]})
    assert not await database["registrations"].find_one({"relies_on": digest})


async def test_a_registration_does_not_wait_for_a_collector_that_died(registry, upstream, objects, database, new_name):
    body, copy = await _uploaded(objects, new_name())
    turn = await _taken(database)
    dying = turn.removing(copy.key.split("/")[1])
    await dying.__aenter__()
    await objects.remove(copy)

    assert (await upstream.answer(await upstream.request("ModelRegistrationRequested", body))).name == "ModelRegistered"
    assert await objects.get(copy) == pickle.dumps({"name": body["model_id"]})
    assert "removing" not in await database[COLLECTION].find_one({})
