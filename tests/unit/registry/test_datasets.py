"""Where a data set may lie."""

from types import SimpleNamespace

import pytest

from schemas.catalogue import SchemaViolation, parse
from schemas.datasets import DatasetColumn, DatasetRegistered, DatasetRegistrationRequested
from services.registry.domain.dataset import Content, Dataset
from services.registry.handlers import DatasetHandlers
from services.registry.refusals import NotAllowed
from services.registry.usecases.register_dataset import RegisterDataset
from services.registry.usecases.retire_dataset import RetireDataset
from tests.unit.registry.fakes import FakeRepository, StoppedClock, delivery
from tests.unit.registry.requests import dataset_registration

EXECUTION = "00000000-0000-4000-8000-000000000001"
TRIES = "s3://datasets/tries"
RESERVED = [TRIES, f"{TRIES}/", f"{TRIES}/{EXECUTION}/", f"{TRIES}/{EXECUTION}/rows.parquet", f"{TRIES}/mine/"]
FREE = [f"{TRIES}x/", f"{TRIES}.parquet", "s3://datasets/t", "s3://datasets/sales/tries/", "s3://datasets/Tries/"]
ELSEWHERE = [f"s3://results/sales/{EXECUTION}/attempt-1/", f"s3://models/sha256/{'0' * 64}/", "s3://datasets/"]


@pytest.fixture
def office():
    """The use cases about data sets on a repository in memory, and what is asked of them."""
    datasets, read, waiting = FakeRepository(Dataset), list[str](), list[str]()

    async def content(uri, data_format) -> Content:
        read.append(uri)
        return Content(columns=(DatasetColumn(name="x", type="double"),), objects=1, size_bytes=1, rows=1)

    async def wait(event, where) -> None:
        waiting.append(event.uri)

    register = RegisterDataset(datasets, content, StoppedClock())
    handlers = DatasetHandlers(
        intake=SimpleNamespace(wait=wait),
        register_dataset=register,
        retire_dataset=RetireDataset(datasets, register.clock),
    )
    return SimpleNamespace(datasets=datasets, read=read, waiting=waiting, register=register, handlers=handlers)


@pytest.mark.parametrize("uri", RESERVED)
@pytest.mark.parametrize("when", ["asked", "waited"])
async def test_where_tries_lie_no_data_set_does_even_if_it_waits_already(office, uri, when):
    answer = office.handlers.on_registration if when == "asked" else office.register
    with pytest.raises(NotAllowed, match="use another folder") as refused:
        await answer(dataset_registration(uri=uri), delivery())
    assert (refused.value.code, refused.value.violations[0].field) == ("dataset-reserved", "uri")
    assert (office.read, office.waiting, office.datasets.published) == ([], [], [])


@pytest.mark.parametrize("uri", FREE)
async def test_a_name_that_only_looks_like_it_is_nobodys(office, uri):
    await office.handlers.on_registration(dataset_registration(uri=uri), delivery())
    await office.register(dataset_registration(uri=uri), delivery())
    assert (office.waiting, office.read) == ([uri], [uri])


@pytest.mark.parametrize("uri", ELSEWHERE)
def test_what_lies_in_other_buckets_or_is_a_whole_one_breaks_the_schema(uri):
    body = {**dataset_registration().model_dump(mode="json"), "uri": uri}
    with pytest.raises(SchemaViolation):
        parse(DatasetRegistrationRequested.event_type, body)


async def test_a_fact_of_before_that_names_such_a_place_can_still_be_read(office):
    await office.register(dataset_registration(), delivery())
    body = {**office.datasets.published[-1].model_dump(mode="json", by_alias=True), "uri": f"{TRIES}/mine/"}
    assert isinstance(parse(DatasetRegistered.event_type, body), DatasetRegistered)
