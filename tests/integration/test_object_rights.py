"""Both clients on a real store: keys that may not do everything, names, ranges, and what is no longer there."""

import asyncio
from uuid import uuid4

import pytest
import pytest_asyncio
from pydantic import SecretStr

from chassis.errors import ObjectsUnavailable, PlatformError
from chassis.objects import Location, Objects
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.objects import Bucket
from tests.integration.narrow_store import narrow

pytestmark = pytest.mark.timeout(120)


@pytest.fixture(scope="module")
def narrowed(stack, s3, tmp_path_factory):
    """May list everything in `datasets`, read what is under `open/`, and nothing else."""
    rights = ["List:datasets", "Read:datasets/open/*"]
    with narrow(stack, s3, tmp_path_factory.mktemp("narrow"), rights) as settings:
        yield settings


@pytest_asyncio.fixture(scope="module")
async def all_mighty(s3):
    async with Objects(s3) as client:
        yield client


@pytest_asyncio.fixture(scope="module")
async def laid(all_mighty):
    """A name that lies in an open and in a closed folder."""
    name = uuid4().hex
    for folder in ("open", "closed"):
        await all_mighty.put(Location("datasets", f"{folder}/{name}"), b"abc")
    return name


async def code_of(asking) -> str:
    with pytest.raises(PlatformError) as raised:
        await asking
    return raised.value.code


async def executor_code_of(does, *args) -> str:
    with pytest.raises(ScoringError) as raised:
        await asyncio.to_thread(does, *args)
    return raised.value.code


def source(key: str, size_bytes: int = 3) -> InputObject:
    return InputObject(key=key, etag='"900150983cd24fb0d6963f7d28e17f72"', size_bytes=size_bytes)


async def test_what_a_key_may_not_do_is_about_the_object(narrowed, laid):
    bucket = Bucket(narrowed, "datasets")
    async with Objects(narrowed) as objects:
        opened, closed = Location("datasets", f"open/{laid}"), Location("datasets", f"closed/{laid}")
        assert (await objects.get(opened), bytes(bucket.get(opened.key))) == (b"abc", b"abc")
        [info] = [each for each in await objects.list(closed) if each.location == closed]

        for asking in (objects.stat(closed), objects.get(closed), objects.sha256(info), objects.put(opened, b"x")):
            assert await code_of(asking) == "object-forbidden"
        assert await code_of(objects.copy_stream(info, opened)) == "object-forbidden"
    assert await executor_code_of(bucket.get, closed.key) == "object-forbidden"
    assert await executor_code_of(bucket.put, opened.key, b"x") == "object-forbidden"
    assert await executor_code_of(bucket.get_range, source(closed.key), 0, 1) == "input-forbidden"


@pytest.mark.parametrize(
    ("key", "secret", "why"),
    [
        ("nobody", "x", "InvalidAccessKeyId"),
        ("narrow", "wrong", "SignatureDoesNotMatch"),
        ("narrow", None, "AccessDenied"),
    ],
)
async def test_a_key_that_may_nothing_is_an_outage_that_says_why(narrowed, laid, key, secret, why):
    said = {"access_key": SecretStr(key), **({"secret_key": SecretStr(secret)} if secret else {})}
    settings = narrowed.model_copy(update=said)
    where = Location("models" if secret is None else "datasets", f"open/{laid}")
    async with Objects(settings) as objects:
        for asking in (objects.stat(where), objects.get(where), objects.list(where), objects.put(where, b"x")):
            assert await code_of(asking) == "objects-unavailable"
        with pytest.raises(ObjectsUnavailable, match=f"{why} at s3://{where.bucket}/"):
            await objects.ping(where.bucket)
    bucket = Bucket(settings, where.bucket)
    assert await executor_code_of(bucket.get, where.key) == "store-unavailable"
    assert await executor_code_of(bucket.head, where.key) == "store-unavailable"
    assert await executor_code_of(bucket.get_range, source(where.key), 0, 1) == "store-unavailable"


async def test_a_bucket_that_is_not_there_is_an_outage(s3):
    async with Objects(s3) as objects:
        for asking in (objects.list(Location("nobucket", "x")), objects.put(Location("nobucket", "x"), b"x")):
            assert await code_of(asking) == "objects-unavailable"
    assert await executor_code_of(Bucket(s3, "nobucket").get, "x") == "store-unavailable"
    assert await executor_code_of(Bucket(s3, "nobucket").put, "x", b"x") == "store-unavailable"


async def test_what_is_gone_or_another_by_now_is_told(s3, all_mighty, laid):
    where, bucket = Location("datasets", f"open/{uuid4().hex}"), Bucket(s3, "datasets")
    await all_mighty.put(where, b"abc")
    info = await all_mighty.stat(where)
    await all_mighty.put(where, b"abcd")
    assert await code_of(all_mighty.sha256(info)) == "object-changed"
    assert await executor_code_of(bucket.get_range, source(where.key), 0, 1) == "input-changed"
    assert await code_of(all_mighty.get(where, offset=100, length=5)) == "object-changed"
    assert await executor_code_of(bucket.get_range, source(f"open/{laid}"), 100, 105) == "input-changed"

    await all_mighty.remove(where)
    assert await code_of(all_mighty.get(where)) == "object-missing"
    assert await executor_code_of(bucket.get, where.key) == "object-missing"
    assert await executor_code_of(bucket.get_range, source(where.key), 0, 1) == "input-missing"


@pytest.mark.parametrize("name", [*map(chr, range(1, 32)), "\x7f"], ids=lambda name: f"x{ord(name):02x}")
async def test_no_control_character_in_a_name_is_an_outage(s3, all_mighty, name):
    where, bucket = Location("datasets", f"named/{uuid4().hex}/a{name}b"), Bucket(s3, "datasets")
    await all_mighty.put(where, b"abc")
    assert [each.location async for each in all_mighty.walk(Location("datasets", where.key[:-3]))] == [where]
    assert await executor_code_of(bucket.get, where.key) == "object-unfit"


@pytest.mark.parametrize("key", ["a/../b", "./a", "x" * 900, "é" * 450])
async def test_a_name_that_a_store_does_not_take_is_about_the_object(all_mighty, key):
    assert await code_of(all_mighty.put(Location("datasets", f"named/{key}"), b"abc")) == "object-unfit"
