"""A request in, a fact or a refusal out: data sets."""

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chassis.objects import Location
from tests.integration.registry.bodies import dataset_registration

pytestmark = pytest.mark.usefixtures("registry")

REGISTER = "DatasetRegistrationRequested"


@pytest.fixture
def dataset_id(new_name) -> str:
    return new_name()


@pytest.fixture
def put(objects, dataset_id):
    """Lays bytes into the data set's prefix; the prefix."""

    async def lay(name: str, data: bytes) -> str:
        await objects.put(Location("datasets", f"test/{dataset_id}/{name}"), data)
        return f"s3://datasets/test/{dataset_id}/"

    return lay


def parquet(rows: int) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(pa.table({"store": range(rows), "units": [float(row) for row in range(rows)]}), buffer)
    return buffer.getvalue()


async def test_a_data_set_is_registered_with_what_its_files_say(upstream, put, dataset_id):
    await put("week=1/a.parquet", parquet(10))
    await put("_SUCCESS", b"")
    uri = await put("week=2/b.parquet", parquet(20))
    registered = await upstream.requested(REGISTER, dataset_registration(dataset_id, uri))
    assert registered.type == "ml.DatasetRegistered.v1"
    assert registered.data["schema"] == [
        {"name": "store", "type": "long", "nullable": True},
        {"name": "units", "type": "double", "nullable": True},
        {"name": "week", "type": "long", "nullable": False, "folder": True},
    ]
    assert (registered.data["objects"], registered.data["rows"]) == (2, 30)
    assert registered.data["size_bytes"] == len(parquet(10)) + len(parquet(20))


async def test_registering_again_says_it_again_as_stored(upstream, put, dataset_id):
    body = dataset_registration(dataset_id, await put("a.parquet", parquet(10)))
    first, second = await upstream.requested(REGISTER, body), await upstream.requested(REGISTER, body)
    assert {**first.data, "request_id": ""} == {**second.data, "request_id": ""}
    await put("b.parquet", parquet(5))
    assert (await upstream.requested(REGISTER, body)).data["rows"] == 15


async def test_a_csv_is_registered_by_its_header_and_first_rows(upstream, put, dataset_id):
    uri = await put("a.csv", b"store,units\n1,2.5\n")
    registered = await upstream.requested(REGISTER, dataset_registration(dataset_id, f"{uri}a.csv", format="csv"))
    assert [(each["name"], each["type"]) for each in registered.data["schema"]] == [
        ("store", "long"),
        ("units", "double"),
    ]
    assert "rows" not in registered.data


async def test_bad_data_sets_are_refused_with_their_codes(upstream, put, dataset_id):
    uri = await put("a.parquet", parquet(10))
    await put("cut/a.parquet", parquet(10)[:-4])
    await put("mixed/a.csv", b"a,b\n1,2\n")
    await put("mixed/b.csv", b"a,c\n1,2\n")
    await put("folders/week=1/week=2/a.parquet", parquet(10))
    for said, code in (
        ({"uri": f"{uri}nothing/"}, "dataset-empty"),
        ({"uri": f"{uri}folders/"}, "dataset-unfit"),
        ({"uri": f"{uri}cut/"}, "dataset-unreadable"),
        ({"uri": f"{uri}a.parquet", "format": "csv"}, "dataset-unreadable"),
        ({"uri": f"{uri}mixed/", "format": "csv"}, "dataset-schema-mismatch"),
        ({"uri": "s3://datasets/a/../b/"}, "schema-invalid"),
        ({"uri": "s3://models/incoming/a/"}, "schema-invalid"),
        ({"uri": "s3://datasets/tries/"}, "dataset-reserved"),
        ({"format": "xlsx"}, "schema-invalid"),
    ):
        refused = await upstream.requested(REGISTER, {**dataset_registration(dataset_id, uri), **said})
        assert (refused.code, refused.data["subject"]) == (code, dataset_id)


async def test_a_retired_data_set_is_refused_until_it_is_registered_again(upstream, put, dataset_id):
    about = {"dataset_id": dataset_id}
    assert (await upstream.requested("DatasetRetirementRequested", about)).code == "dataset-unknown"
    body = dataset_registration(dataset_id, await put("a.parquet", parquet(10)))
    registered = await upstream.request(REGISTER, body)
    retired = await upstream.request("DatasetRetirementRequested", about)  # Behind the registration.
    assert (await upstream.answer(registered)).type == "ml.DatasetRegistered.v1"
    assert (await upstream.answer(retired)).type == "ml.DatasetRetired.v1"
    assert (await upstream.requested("DatasetRetirementRequested", about)).code == "dataset-retired"
    assert (await upstream.requested(REGISTER, body)).type == "ml.DatasetRegistered.v1"
