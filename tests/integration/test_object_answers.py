"""Both clients of the object store against every answer that an S3 may give, over a real socket."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterator
from dataclasses import replace

import pytest
import pytest_asyncio

from chassis.errors import ObjectsUnavailable, PlatformError
from chassis.object_errors import Answer as Said
from chassis.object_errors import Meaning
from chassis.objects import Location, ObjectInfo, Objects
from chassis.settings import S3Settings
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject
from services.executor.scoring.listing import listed
from services.executor.scoring.objects import Bucket
from tests.integration.answering_store import LENGTH, Answer, AnsweringStore, answering
from tests.unit.chassis.s3_codes import S3_CODES

pytestmark = pytest.mark.timeout(240)

WHERE = Location("datasets", "sales/a.parquet")
INFO = ObjectInfo(WHERE, "e", 3)
SOURCE = InputObject(key=WHERE.key, etag='"e"', size_bytes=3)
WELL = Answer(200)
NOBODY = S3Settings(endpoint="http://127.0.0.1:1", access_key="nobody", secret_key="nobody")


@pytest.fixture(scope="module")
def store() -> Iterator[AnsweringStore]:
    with answering(NOBODY) as made:
        yield made


@pytest_asyncio.fixture(scope="module")
async def objects(store: AnsweringStore):
    async with Objects(store.settings) as client:
        yield client


@pytest.fixture(scope="module")
def bucket(store: AnsweringStore) -> Bucket:
    return Bucket(store.settings, "datasets")


def says(answer: Answer, *, is_well: bool = True):
    """To everything; but to the probe that all is well."""
    return lambda asked: WELL if is_well and asked.is_probe else answer


async def _read(stream) -> bytes:
    return b"".join([each async for each in stream])


def chassis_does(objects: Objects) -> dict[str, Callable[[], Awaitable[object]]]:
    return {
        "stat": lambda: objects.stat(WHERE),
        "get": lambda: objects.get(WHERE),
        "range": lambda: objects.get(WHERE, offset=1, length=1, etag="e"),
        "stream": lambda: _read(objects.stream(INFO)),
        "list": lambda: objects.list(Location("datasets", "sales/")),
        "put": lambda: objects.put(WHERE, b"abc"),
        "copy": lambda: objects.copy_stream(INFO, Location("datasets", "copy")),
        "remove": lambda: objects.remove(WHERE),
    }


def missing() -> None:
    raise ScoringError("object-missing", "it says so by None")


def executor_does(bucket: Bucket) -> dict[str, Callable[[], object]]:
    return {
        "head": lambda: bucket.head(WHERE.key) or missing(),
        "get": lambda: bucket.get(WHERE.key),
        "chunks": lambda: list(bucket.chunks(WHERE.key)),
        "range": lambda: bucket.get_range(SOURCE, 0, 2),
        "beginning": lambda: bucket.beginning(SOURCE, 2),
        "into": lambda: bucket.read_into(SOURCE, 0, memoryview(bytearray(2))),
        "list": lambda: list(bucket.list("sales/")),
        "put": lambda: bucket.put(WHERE.key, b"abc"),
    }


async def chassis_codes(objects: Objects) -> dict[str, str]:
    codes: dict[str, str] = {}
    for name, does in chassis_does(objects).items():
        with pytest.raises(PlatformError) as raised:
            await does()
        codes[name] = raised.value.code
    return codes


async def executor_codes(bucket: Bucket, *, only: Collection[str] = ()) -> dict[str, str]:
    def ask() -> dict[str, str]:
        codes: dict[str, str] = {}
        for name, does in executor_does(bucket).items():
            if not only or name in only:
                with pytest.raises(ScoringError) as raised:
                    does()
                codes[name] = raised.value.code
        return codes

    return await asyncio.to_thread(ask)


def expected(status: int, code: str, name: str, *, is_well: bool) -> Meaning:
    """A HEAD's answer has no body, so no code. What isn't plain is asked of the probe."""
    meaning = Said(status, None if name in {"stat", "head"} else code).meaning
    return Meaning.AWAY if meaning in {Meaning.FORBIDDEN, Meaning.UNFIT} and not is_well else meaning


@pytest.mark.parametrize(
    ("status", "code", "is_well"),
    [(*each, True) for each in S3_CODES] + [(status, code, False) for status, code in dict(S3_CODES).items()],
)
async def test_every_answer_means_the_same_to_both_clients(store, objects, bucket, status, code, is_well):
    store.decide = says(Answer(status, code), is_well=is_well)

    for name, found in (await chassis_codes(objects)).items():
        meaning = expected(status, code, name, is_well=is_well)
        assert found == ("objects-unavailable" if meaning is Meaning.AWAY else f"object-{meaning}"), name

    if status == 307:
        return  # Its driver says neither status nor code of a redirect that leads nowhere.
    # Its driver tries again what may pass: once is enough for a test.
    slow = status in {408, 429} or status >= 500
    for name, found in (await executor_codes(bucket, only=["into"] if slow else ())).items():
        meaning = expected(status, code, name, is_well=is_well)
        what = "input" if name in {"range", "beginning", "into"} else "object"
        assert found == ("store-unavailable" if meaning is Meaning.AWAY else f"{what}-{meaning}"), name


@pytest.mark.parametrize("status", [400, 403, 404, 405, 409, 416, 301])
async def test_what_stands_in_front_of_a_store_is_judged_by_its_status(store, objects, bucket, status):
    store.decide = says(Answer(status))
    meaning = Said(status).meaning
    assert set((await chassis_codes(objects)).values()) == {f"object-{meaning}"}
    assert set((await executor_codes(bucket)).values()) == {f"object-{meaning}", f"input-{meaning}"}


async def test_an_answer_that_breaks_off_in_the_middle_is_an_outage(store, objects, bucket):
    store.decide = says(Answer(0))
    large = replace(INFO, size_bytes=LENGTH)
    for asking in (
        objects.get(WHERE),
        _read(objects.stream(large)),
        objects.list(WHERE),
        objects.copy_stream(large, Location("datasets", "copy")),
    ):
        with pytest.raises(ObjectsUnavailable):
            await asking
    of_executor = await executor_codes(bucket, only=["get", "chunks", "range", "into", "list"])
    assert set(of_executor.values()) == {"store-unavailable"}


async def test_nobody_there_is_an_outage():
    async with Objects(NOBODY) as objects:
        assert set((await chassis_codes(objects)).values()) == {"objects-unavailable"}
    of_executor = await executor_codes(Bucket(NOBODY, "datasets"), only=["get", "into"])
    assert set(of_executor.values()) == {"store-unavailable"}


@pytest.mark.parametrize(
    "name", ["<Code>SlowDown</Code>", "Server returned non-2xx status code: 503 : Error performing"]
)
async def test_a_name_that_looks_like_an_answer_is_not_taken_for_one(store, bucket, name):
    store.decide = says(Answer(403, "AccessDenied"))
    with pytest.raises(ScoringError) as raised:
        await asyncio.to_thread(bucket.get, f"sales/{name}")
    assert raised.value.code == "object-forbidden"


@pytest.mark.parametrize("name", ["a\tb", "a\x7fb", "a//b", "../b", "\ud800"])
async def test_a_name_that_a_client_cannot_say_is_about_the_object(store, objects, bucket, name):
    store.decide = says(Answer(404, "NoSuchKey"))
    with pytest.raises(ScoringError) as raised:
        await asyncio.to_thread(bucket.get, f"sales/{name}")
    assert raised.value.code == "object-unfit"
    with pytest.raises(PlatformError) as raised:
        await objects.get(Location("datasets", f"sales/{name}"))
    assert raised.value.code in {"object-unfit", "object-missing"}


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (Answer(403, "AccessDenied"), "input-forbidden"),
        (Answer(403, "InvalidObjectState"), "input-unfit"),
        (Answer(503, "SlowDown"), "store-unavailable"),
    ],
)
async def test_an_input_that_cannot_be_listed_says_why(store, objects, answer, code):
    store.decide = lambda asked: Answer(404) if asked.verb == "head" else WELL if asked.is_probe else answer
    with pytest.raises(ScoringError) as raised:
        await listed(objects, "s3://datasets/sales", "parquet", at_most=10)
    assert (raised.value.code, answer.code in raised.value.message) == (code, True)


async def test_readiness_says_why_the_store_is_away(store, objects):
    store.decide = says(Answer(403, "InvalidAccessKeyId"), is_well=False)
    with pytest.raises(ObjectsUnavailable, match="InvalidAccessKeyId at s3://models/"):
        await objects.ping("models", "datasets")
    store.decide = lambda asked: Answer(404, "NoSuchBucket") if asked.key.startswith("datasets/") else WELL
    with pytest.raises(ObjectsUnavailable, match="NoSuchBucket at s3://datasets/"):
        await objects.ping("models", "datasets")
