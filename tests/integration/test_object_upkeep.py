"""What a collector asks of the object store, on the real one: its clock, and uploads that nobody completed."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest_asyncio

from chassis.object_errors import ObjectMissing
from chassis.objects import Location, Objects

PART = b"x" * (5 << 20)


@pytest_asyncio.fixture
async def objects(s3):
    async with Objects(s3) as client:
        yield client


async def begun(objects: Objects, where: Location) -> str:
    """An upload whose process died behind its first part; its id."""
    upload_id = await objects._client._create_multipart_upload(where.bucket, where.key, {})
    await objects._client._upload_part(where.bucket, where.key, PART, None, upload_id, 1)
    return upload_id


async def test_an_object_is_as_old_as_the_stores_clock_says(objects, new_name):
    where = Location("models", f"{new_name()}/a")
    before = await objects.now("models")
    await objects.put(where, b"a")
    after = await objects.now("models")

    stated = (await objects.stat(where)).modified_at
    [listed] = [each.modified_at async for each in objects.walk(where)]
    second = timedelta(seconds=1)
    for moment in (stated, listed):
        assert before - second <= moment <= after + second
    assert abs(datetime.now(UTC) - after) < timedelta(minutes=1)


async def test_uploads_that_nobody_completed_are_found_and_given_up(objects, new_name):
    folder = Location("models", f"{new_name()}/")
    ids = {folder / name: await begun(objects, folder / name) for name in ("b", "a")}
    await objects.put(folder / "whole", b"whole")

    found = [each async for each in objects.uploads(folder)]
    assert {each.location: each.upload_id for each in found} == ids
    assert all(datetime.now(UTC) - each.begun_at < timedelta(minutes=5) for each in found)
    assert [each.location async for each in objects.walk(folder)] == [folder / "whole"]

    for each in found:
        await objects.give_up(each)

    assert [each async for each in objects.uploads(folder)] == []
    with suppress(ObjectMissing):  # Some stores say that there is none, some don't.
        await objects.give_up(found[0])
    assert await objects.get(folder / "whole") == b"whole"


async def test_however_many_uploads_there_are_all_are_found_in_the_end(objects, new_name):
    folder = Location("models", f"{new_name()}/")
    for number in range(1005):
        await objects._client._create_multipart_upload("models", f"{folder.key}{number:04}", {})

    given_up: set[str] = set()
    while found := [each async for each in objects.uploads(folder)]:
        for each in found:
            await objects.give_up(each)
        assert not given_up & {each.location.key for each in found}
        given_up |= {each.location.key for each in found}

    assert given_up == {f"{folder.key}{number:04}" for number in range(1005)}
