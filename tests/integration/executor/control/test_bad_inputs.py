"""A request is queued without a look at its input; what is wrong with that ends its execution, and delays no other."""

import asyncio
import time
from uuid import uuid4

import pytest
import pytest_asyncio

from chassis.objects import Location, Objects
from chassis.settings import HttpSettings
from schemas.executions import ExecutionRequested
from services.executor.app import build
from services.executor.scoring.errors import ScoringError
from services.executor.settings import Settings
from tests.integration.answering_store import AnsweringStore, answering
from tests.integration.executor.control.jobs import result_of
from tests.integration.living import living
from tests.integration.partitions import neighbour
from tests.unit.executor.fakes import FakeScoring

pytestmark = pytest.mark.timeout(240)

BOUND_S = 5.0
MAX_OBJECTS = 1500


class Instant(FakeScoring):
    """Every job succeeds at once, but for those whose first attempt loses its worker."""

    def __init__(self):
        super().__init__()
        self.losing: set[str] = set()

    async def run(self, job, *, on_progress, on_begun, on_answered, lease_s=None):
        on_begun()
        self.jobs.append(job)
        if job.execution_id in self.losing and job.attempt == 1:
            raise ScoringError("worker-lost", "by the test")
        return result_of(job)


@pytest.fixture(scope="module")
def store(s3):
    with answering(s3) as made:
        yield made


@pytest_asyncio.fixture(scope="module", autouse=True)
async def driver(kafka, mongo, store: AnsweringStore):
    """Of an executor whose object store answers as a test wants."""
    made = Instant()
    settings = Settings(
        kafka=kafka.settings("executor"), mongo=mongo, s3=store.settings, http=HttpSettings(port=0),
        lease_s=3, slots=1, max_input_objects=MAX_OBJECTS,
    )  # fmt: skip
    async with living(build(settings, make_driver=lambda: made)):
        yield made


@pytest_asyncio.fixture(scope="module")
async def objects(s3):
    async with Objects(s3) as client:
        yield client


class Asker:
    """Runs deployments of inputs that are good or bad."""

    def __init__(self, world, deploy):
        self._world, self._deploy = world, deploy

    async def deployed(self, uri: str, data_format: str = "parquet", *, retries: int = 0) -> str:
        return await self._deploy(input={"uri": uri, "format": data_format}, retries=retries)

    async def run(self, deployment_id: str, execution_id: str) -> str:
        asked = ExecutionRequested(execution_id=execution_id, deployment_id=deployment_id, trigger="manual")
        await self._world.ask(asked)
        return execution_id

    async def behind(self, uri: str, data_format: str = "parquet", *, retries: int = 0):
        """How a bad one ends. A good one that was asked for behind it has ended well and in time."""
        bad, good = await self.deployed(uri, data_format, retries=retries), await self._deploy()
        began = time.monotonic()
        first = await self.run(bad, str(uuid4()))
        second = await self.run(good, neighbour(first, lambda: str(uuid4())))
        ended = await self._world.ended(second, seconds=BOUND_S)
        assert (ended["status"], time.monotonic() - began < BOUND_S) == ("succeeded", True)
        return await self._world.ended(first, seconds=20)


@pytest.fixture
def asker(world, deploy) -> Asker:
    return Asker(world, deploy)


def folder(answer: str = "") -> str:
    return f"s3://datasets/{uuid4().hex}/{f'answer~{answer}/' if answer else ''}"


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        ("any~403~AccessDenied", "input-forbidden"),
        ("any~401~", "input-forbidden"),
        ("list~403~InvalidAccessKeyId", "input-forbidden"),
        ("list~403~SignatureDoesNotMatch", "input-unfit"),
        ("list~400~InvalidArgument", "input-unfit"),
        ("list~501~NotImplemented", "input-unfit"),
        ("list~301~PermanentRedirect", "input-unfit"),
    ],
)
async def test_what_may_not_be_listed_ends_its_execution(asker, answer, code):
    finished = await asker.behind(folder(answer), retries=3)

    assert (finished["status"], finished["attempt"], finished["error"]["code"]) == ("failed", 1, code)


@pytest.mark.parametrize("status", [403, 400, 405])
async def test_one_object_that_may_not_be_looked_at_ends_its_execution(asker, status):
    finished = await asker.behind(f"{folder(f'head~{status}~')}a.parquet", retries=3)

    assert finished["error"]["code"] == ("input-forbidden" if status == 403 else "input-unfit")
    assert f"HTTP {status}" in finished["error"]["message"]


@pytest.mark.parametrize(
    "answer", ["list~503~SlowDown", "list~500~InternalError", "any~429~TooManyRequests", "list~0~"]
)
async def test_what_passes_is_tried_again_and_delays_nobody(asker, answer):
    finished = await asker.behind(folder(answer), retries=1)

    assert (finished["attempt"], finished["error"]["code"]) == (2, "store-unavailable")


@pytest.mark.parametrize("name", ["a\tb", "a\x01b", "a\nb", "a\x7fb"])
async def test_a_name_with_control_characters_ends_its_execution_and_is_shown(asker, objects, name):
    uri = folder()
    await objects.put(Location.parse(f"{uri}{name}.parquet"), b"PAR1")
    finished = await asker.behind(uri)

    assert finished["error"]["code"] == "input-unfit"
    assert repr(name)[1:-1] in finished["error"]["message"]


async def test_an_input_that_holds_nothing_or_only_other_files_ends_its_execution(asker, objects):
    assert (await asker.behind(folder()))["error"]["code"] == "input-empty"
    other = folder()
    await objects.put(Location.parse(f"{other}a.csv"), b"a,b\n1,2\n")
    assert (await asker.behind(other))["error"]["code"] == "input-format"
    assert (await asker.behind(f"{folder()}gone.parquet"))["error"]["code"] == "input-empty"


async def test_no_more_of_an_input_is_listed_than_may_be_scored(asker, objects, store, world):
    uri = folder()
    for number in range(MAX_OBJECTS * 2):
        await objects.put(Location.parse(f"{uri}{number:05}.parquet"), b"")
    store.asked.clear()
    finished = await asker.behind(uri)

    assert finished["error"]["code"] == "input-too-many-objects"
    listed = [each for each in store.asked if each.verb == "list" and each.key == uri.removeprefix("s3://")]
    assert len(listed) == 2
    assert world.names(finished["execution_id"]) == ["ExecutionQueued", "ExecutionStarted", "ExecutionFinished"]


async def test_a_request_is_queued_while_its_input_cannot_be_listed_at_all(asker, world, store, driver):
    uri = folder("list~503~SlowDown")
    deployment_id = await asker.deployed(uri)
    jobs = len(driver.jobs)
    execution_id = await asker.run(deployment_id, str(uuid4()))

    await world.hear(lambda each: each.name == "ExecutionQueued" and each.key == execution_id, seconds=BOUND_S)
    assert (await world.ended(execution_id, seconds=20))["error"]["code"] == "store-unavailable"
    assert len(driver.jobs) == jobs


async def test_all_attempts_read_what_the_first_one_listed(asker, world, objects, driver):
    uri, execution_id = folder(), str(uuid4())
    await objects.put(Location.parse(f"{uri}_month=01/a.parquet"), b"PAR1")
    driver.losing.add(execution_id)
    await asker.run(await asker.deployed(uri, retries=1), execution_id)
    while not any(each.execution_id == execution_id for each in driver.jobs):
        await asyncio.sleep(0.02)
    await objects.put(Location.parse(f"{uri}_month=01/b.parquet"), b"PAR1")

    assert (await world.ended(execution_id))["attempt"] == 2
    first, second = (each.input.objects for each in driver.jobs if each.execution_id == execution_id)
    assert first == second
    assert [(each.key, each.etag[0]) for each in first] == [(f"{uri}_month=01/a.parquet"[len("s3://datasets/") :], '"')]
