"""What is wrong with one object is answered at once; what seems to be wrong with the store is in nobody's way."""

import time

import pytest

from chassis.objects import Location
from tests.integration.answering_store import Answer, AnsweringStore, answering
from tests.integration.partitions import neighbour
from tests.integration.process import serving
from tests.integration.registry.bodies import dataset_registration, registration
from tests.integration.registry.test_datasets import parquet
from tests.unit.registry.samples import PICKLE

pytestmark = pytest.mark.timeout(240)

BOUND_S = 5.0
REGISTER = {"model": "ModelRegistrationRequested", "dataset": "DatasetRegistrationRequested"}
ABOUT_AN_OBJECT = [
    ("any~403~AccessDenied", "forbidden"),
    ("any~401~Unauthorized", "forbidden"),
    ("head~403~", "forbidden"),
    ("list~403~AccessDenied", "forbidden"),
    ("get~403~AllAccessDisabled", "forbidden"),
    ("get~403~InvalidAccessKeyId", "forbidden"),
    ("get~403~InvalidObjectState", "unfit"),
    ("get~400~KMS.DisabledException", "unfit"),
    ("get~400~InvalidArgument", "unfit"),
    ("get~403~SignatureDoesNotMatch", "unfit"),
    ("get~405~MethodNotAllowed", "unfit"),
    ("get~409~InvalidBucketState", "unfit"),
    ("get~411~MissingContentLength", "unfit"),
    ("get~501~NotImplemented", "unfit"),
    ("get~301~PermanentRedirect", "unfit"),
    ("get~451~", "unfit"),
    ("get~412~PreconditionFailed", "changed"),
    ("get~416~InvalidRange", "changed"),
]
PASSING = [
    "get~500~InternalError",
    "get~503~SlowDown",
    "get~429~TooManyRequests",
    "get~0~",
    "list~503~ServiceUnavailable",
    "any~502~",
]


@pytest.fixture(scope="module")
def store(s3):
    with answering(s3) as made:
        yield made


@pytest.fixture(scope="module", autouse=True)
def registry(registry_environment, store: AnsweringStore, tmp_path_factory):
    environment = {**registry_environment, "MLP_S3_ENDPOINT": store.settings.endpoint}
    with serving("registry", environment, tmp_path_factory.mktemp("registry")):
        yield


class Sender:
    """Asks for models and data sets whose bytes lie where a test wants them."""

    def __init__(self, upstream, objects):
        self._upstream, self._objects = upstream, objects

    async def ask(self, kind: str, name: str, *, bad: str | None = None) -> str:
        """Send a request about `name`; its id. `bad` is what the store answers for it."""
        folder = f"{name}/answer~{bad}" if bad else name
        data, ending = (PICKLE, "pkl") if kind == "model" else (parquet(10), "parquet")
        bucket, root = ("models", "incoming/test/") if kind == "model" else ("datasets", "")
        await self._objects.put(Location(bucket, f"{root}{folder}/a.{ending}"), data)
        uri = (
            f"s3://{bucket}/{root}{folder}/"
            if bad and bad.startswith("list")
            else f"s3://{bucket}/{root}{folder}/a.{ending}"
        )
        body = registration(name, uri) if kind == "model" else dataset_registration(name, uri)
        return await self._upstream.request(REGISTER[kind], body)

    async def within(self, seconds: float, request_id: str):
        return await self._upstream.answer(request_id, seconds=seconds)


@pytest.fixture
def sender(upstream, objects) -> Sender:
    return Sender(upstream, objects)


@pytest.mark.parametrize("kind", ["model", "dataset"])
@pytest.mark.parametrize(("bad", "code"), ABOUT_AN_OBJECT)
async def test_what_is_wrong_with_an_object_is_answered_and_delays_nobody(sender, new_name, kind, bad, code):
    name = new_name()
    began = time.monotonic()
    refused = await sender.ask(kind, name, bad=bad)
    good = await sender.ask(kind, neighbour(name, new_name))

    assert (await sender.within(BOUND_S, good)).name in {"ModelRegistered", "DatasetRegistered"}
    said = await sender.within(BOUND_S, refused)
    assert time.monotonic() - began < BOUND_S
    assert said.code == f"{'artifact' if kind == 'model' else 'dataset'}-{code}"
    assert said.data["violations"][0]["field"] == ("artifact.uri" if kind == "model" else "uri")


@pytest.mark.parametrize("kind", ["model", "dataset"])
async def test_more_of_what_passes_than_there_are_workers_delays_nobody(sender, upstream, new_name, kind):
    names = [new_name() for _ in PASSING]
    held = [await sender.ask(kind, name, bad=bad) for name, bad in zip(names, PASSING, strict=True)]
    for name in names:
        good = await sender.ask(kind, neighbour(name, new_name))
        assert (await sender.within(BOUND_S, good)).name in {"ModelRegistered", "DatasetRegistered"}

    assert not [each for each in held if upstream.to(each)]


async def test_what_passes_is_answered_once_it_has_passed(sender, store, new_name):
    name, failures = new_name(), iter(range(12))
    by_name = store.decide
    slow_down = Answer(503, "SlowDown")
    store.decide = lambda asked: slow_down if name in asked.key and next(failures, None) is not None else by_name(asked)
    try:
        held = await sender.ask("model", name)
        assert (await sender.within(30, held)).name == "ModelRegistered"
        assert next(failures, None) is None
    finally:
        store.decide = by_name


@pytest.mark.parametrize("name", ["a\tb", "a\x01b", "a\nb", "a\x7fb"])
async def test_a_name_with_control_characters_is_answered(sender, upstream, objects, new_name, name):
    dataset, model = new_name(), new_name()
    await objects.put(Location("datasets", f"{dataset}/{name}.parquet"), parquet(10))
    await objects.put(Location("models", f"incoming/test/{model}/{name}.pkl"), PICKLE)
    asked = [
        await upstream.request(REGISTER["dataset"], dataset_registration(dataset, f"s3://datasets/{dataset}/")),
        await upstream.request(REGISTER["model"], registration(model, f"s3://models/incoming/test/{model}/")),
    ]
    codes = [(await sender.within(BOUND_S, each)).code for each in asked]
    assert codes == ["dataset-unfit", "artifact-path-invalid"]
