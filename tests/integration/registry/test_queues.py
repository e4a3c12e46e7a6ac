"""Whose turn it is, on the real document store: order, what a stop anywhere leaves, and how little is read."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest

from chassis.bus.delivery import Delivery
from chassis.documents.leases import claim
from services.registry.waiting import Accepted, Registrations
from tests.integration.registry.office import delivered
from tests.unit.registry.requests import registration

AT = datetime(2026, 11, 23, tzinfo=UTC)


class Stopped(BaseException):
    """The process is gone."""


def asked(offset: int, **at) -> Delivery:
    return delivered(offset=offset, timestamp=AT + timedelta(seconds=offset), **at)


async def append(registrations, *offsets, model_id="demand") -> None:
    for offset in offsets:
        await registrations.append(registration(model_id=model_id, name=str(offset)), asked(offset))


async def taken(registrations) -> list[str]:
    """Take what waits until nothing does, as one worker would."""
    names = []
    while queues := await registrations.queues():
        head = await registrations.head(queues[0])
        if head is not None:
            accepted, lease = await registrations.claim(head, "one")
            names.append(accepted.event.name)
            await registrations.remove(accepted, lease)
    return names


async def test_offsets_are_the_order_however_far_apart_they_are(registrations):
    offsets = [3, 20, 21, 5_000, 1_000_000_000]
    await append(registrations, *offsets)

    assert await taken(registrations) == [str(each) for each in offsets]
    assert not await registrations.has_about(registration(), asked(0))


async def test_what_is_put_before_the_first_goes_first(registrations):
    await append(registrations, 100, 50)
    assert await taken(registrations) == ["50", "100"]


async def test_what_was_accepted_before_there_were_queues_has_its_turn(registrations, empty_database):
    await append(registrations, 5, 7, 6)
    await append(registrations, 1, model_id="other")
    await empty_database["queues"].drop()

    again = Registrations(empty_database["registrations"], empty_database["queues"])
    await again.prepare()
    await again.prepare()

    assert await again.has_about(registration(), asked(0))
    assert await taken(again) == ["1", "5", "6", "7"]


async def test_a_request_of_before_waits_once_and_is_known_by_its_old_key(registrations, empty_database):
    where = asked(1)
    await registrations.append(registration(), where)
    written = await empty_database["registrations"].find_one_and_delete({})
    del written["actor"]["client"]
    await empty_database["registrations"].insert_one({**written, "_id": where.request_key.former})

    await registrations.append(registration(), where)

    assert await registrations.has(where.request_key)
    assert await empty_database["registrations"].count_documents({}) == 1
    (queue,) = await registrations.queues()
    accepted, _ = await registrations.claim(await registrations.head(queue), "one")
    assert accepted.delivery(lambda: True).request_key == where.request_key


async def test_a_request_that_comes_while_the_last_one_leaves_has_its_turn(registrations):
    await append(registrations, 1)
    (queue,) = await registrations.queues()
    accepted, lease = await registrations.claim(await registrations.head(queue), "one")
    looked = registrations._queues._next

    async def look_and_be_overtaken(queue):
        found = await looked(queue)
        registrations._queues._next = looked
        await append(registrations, 2)
        return found

    registrations._queues._next = look_and_be_overtaken
    await registrations.remove(accepted, lease)

    assert await taken(registrations) == ["2"]


class Ending:
    """A collection whose process is gone before one kind of its writes."""

    def __init__(self, collection, write) -> None:
        self._collection, self._write = collection, write

    def __getattr__(self, name):
        return self._gone if name == self._write else getattr(self._collection, name)

    async def _gone(self, *arguments, **options):
        raise Stopped


@pytest.mark.parametrize("waiting", [(), (1,)], ids=["the first", "one more"])
@pytest.mark.parametrize(("collection", "write"), [("registrations", "insert_one"), ("queues", "update_one")])
async def test_an_append_that_stops_anywhere_is_made_good_when_it_comes_again(
    registrations, empty_database, waiting, collection, write
):
    await append(registrations, *waiting)
    where = asked(7)
    names = ("registrations", "queues")
    dying = Registrations(*(Ending(empty_database[name], write if name == collection else None) for name in names))
    with pytest.raises(Stopped):
        await dying.append(registration(name="7"), where)

    await registrations.append(registration(name="7"), where)

    assert await taken(registrations) == [*map(str, waiting), "7"]


@pytest.mark.parametrize("waiting", [(1,), (1, 2)], ids=["the last", "one of two"])
@pytest.mark.parametrize(
    ("collection", "write"), [("registrations", "delete_one"), ("queues", "update_one"), ("queues", "delete_one")]
)
async def test_whoever_stops_while_one_leaves_keeps_nobody_from_their_turn(
    registrations, empty_database, waiting, collection, write
):
    await append(registrations, *waiting)
    names = ("registrations", "queues")
    dying = Registrations(*(Ending(empty_database[name], write if name == collection else None) for name in names))
    (queue,) = await registrations.queues()
    accepted, lease = await registrations.claim(await registrations.head(queue), "dying")
    with suppress(Stopped):
        await dying.remove(accepted, lease)
    await empty_database["registrations"].update_many({}, {"$unset": {"lease": ""}})

    await append(registrations, 3)
    left = [*map(str, waiting), "3"]
    assert await taken(registrations) in (left, left[1:])
    assert await empty_database["queues"].count_documents({}) == 0


async def test_a_thousand_about_one_subject_hide_no_other_and_are_not_read(registrations, empty_database):
    document = await waiting_document(registrations, empty_database)
    many = [{**document, "_id": f"r{number}", "offset": 10 + number} for number in range(1000)]
    await empty_database["registrations"].insert_many(many, ordered=False)
    await registrations.prepare()
    counted = CountingReads(empty_database["registrations"])
    looking = Registrations(counted, empty_database["queues"])
    await append(looking, 1_000_000, model_id="other")

    busy, other = await looking.queues()
    lease = await claim(empty_database["registrations"], await looking.head(busy), "busy with it")
    accepted, its = await looking.claim(await looking.head(other), "one")
    await looking.remove(accepted, its)
    await looking.remove(Accepted(document), lease)

    assert (accepted.subject, [each.first for each in await looking.queues()]) == ("other", [11])
    assert counted.read <= 50


async def waiting_document(registrations, database):
    await append(registrations, 1)
    found = await database["registrations"].find_one_and_delete({})
    await database["queues"].delete_many({})
    return found


class CountingReads:
    """Counts the documents that leave a collection, as the embedded store reads them: all that the filter matches."""

    def __init__(self, collection) -> None:
        self._collection, self.read = collection, 0

    def __getattr__(self, name):
        return getattr(self._collection, name)

    async def find_one(self, which, *arguments):
        self.read += await self._collection.count_documents(which)
        return await self._collection.find_one(which, *arguments)

    def find(self, which, *arguments):
        return _CountedCursor(self, which, self._collection.find(which, *arguments))


class _CountedCursor:
    def __init__(self, counter, which, cursor) -> None:
        self._counter, self._which, self._cursor = counter, which, cursor

    async def to_list(self):
        self._counter.read += await self._counter.count_documents(self._which)
        return await self._cursor.to_list()
