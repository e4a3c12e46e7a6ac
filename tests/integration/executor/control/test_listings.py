"""The listings of inputs on the real document store."""

import asyncio
import random

import pytest

from chassis.clock import SystemClock
from services.executor.listings import KEPT, InputListings
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject


@pytest.fixture
def collection(empty_database):
    return empty_database["listings"]


def objects(count: int, mark: str = "") -> tuple[InputObject, ...]:
    return tuple(
        InputObject(key=f"sales/région=é/{mark}{number:06}.parquet", etag=f'"{number:032x}"', size_bytes=number)
        for number in range(count)
    )


async def test_what_was_kept_first_stays(collection):
    made = InputListings(collection, SystemClock())
    await made.prepare()
    assert await made.load("e1") is None
    kept = await asyncio.gather(*(made.keep("e1", objects(3, mark)) for mark in "abc"))

    assert kept[0] == kept[1] == kept[2] == await made.load("e1")
    assert await made.keep("e2", objects(2)) == await made.load("e2") == objects(2)


async def test_a_listing_of_ten_thousand_objects_is_small_and_goes_after_a_while(collection):
    made = InputListings(collection, SystemClock())
    await made.prepare()
    await made.keep("e1", objects(10_000))
    stored = await collection.find_one({"_id": "e1"})

    assert await made.load("e1") == objects(10_000)
    assert len(stored["objects"]) < 300_000
    expiring = [each.get("expireAfterSeconds") for each in (await collection.index_information()).values()]
    assert KEPT.total_seconds() in expiring


async def test_names_that_no_document_holds_are_told(collection):
    names = random.Random(1)  # noqa: S311
    many = tuple(InputObject(key=names.randbytes(300).hex(), etag="", size_bytes=1) for _ in range(60_000))
    with pytest.raises(ScoringError, match="names of 60000 objects") as raised:
        await InputListings(collection, SystemClock()).keep("e1", many)
    assert raised.value.code == "input-too-many-objects"
