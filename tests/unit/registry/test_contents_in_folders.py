"""What folders say of a data set: its columns, as an execution of it will have them."""

import gzip

import pyarrow as pa
import pytest

from chassis.sandbox.child.conversion import Column
from tests.unit.chassis.sandbox.folder_scoring import parquet, planned
from tests.unit.registry.fakes import FakeObjects
from tests.unit.registry.test_contents import ROOT, read, refusal

KEYS = [f"region={region}/month={month}/x" for region in ("EU", "NA") for month in ("01", "12")]
TABLE = pa.table({"units": [1.5, 2.5]})


@pytest.fixture
def objects() -> FakeObjects:
    return FakeObjects()


def told(content) -> list[tuple[str, str, bool | None, bool | None]]:
    return [(each.name, each.type, each.nullable, each.folder) for each in content.columns]


@pytest.mark.parametrize("form", ["parquet", "csv"])
async def test_folders_are_columns_of_the_narrowest_type_that_all_their_values_can_be(objects, form):
    raw = parquet(TABLE) if form == "parquet" else b"units\n1.5\n"
    content = await read(objects, {f"{key}.{form}": raw for key in KEYS}, form)
    units = ("units", "double", True if form == "parquet" else None, None)
    assert told(content) == [units, ("region", "string", False, True), ("month", "long", False, True)]

    await read(objects, {f"region=/month=May/x.{form}": raw}, form)
    content = await read(objects, {}, form)
    assert told(content)[1:] == [("region", "string", True, True), ("month", "string", False, True)]


@pytest.mark.parametrize(
    ("form", "raw", "kind"),
    [
        ("parquet", parquet(pa.table({"month": pa.array([9.0], pa.float64()), "units": [1]})), "double"),
        ("csv", b"month,units\nlate,1\n", "long"),
    ],
)
async def test_a_column_that_files_have_too_is_the_folders_in_its_place(objects, form, raw, kind):
    content = await read(objects, {f"{key}.{form}": raw for key in KEYS}, form)
    assert [(name, folder) for name, _, _, folder in told(content)] == [
        ("month", True),
        ("units", None),
        ("region", True),
    ]
    assert told(content)[0] == ("month", kind, False, True)


@pytest.mark.parametrize("prefix", ["", "region=EU", "region=EU/", "region=EU/month=01/", "region=EU/month=01/x"])
@pytest.mark.parametrize("form", ["parquet", "csv"])
async def test_a_data_set_has_the_columns_that_its_executions_have_wherever_it_begins(objects, form, prefix):
    raw = parquet(TABLE) if form == "parquet" else b"units\n1.5\n"
    files = {f"{key}.{form}": raw for key in KEYS}
    uri = f"{ROOT}{prefix}" + (f".{form}" if prefix.endswith("x") else "")

    content = await read(objects, files, form, uri=uri)

    keys = [f"sales/{key}" for key in files if f"{ROOT}{key}".startswith(uri)]
    layout = planned(dict.fromkeys(keys, raw), [Column("units", "double")])
    assert [each.name for each in content.columns] == layout.read.names == ["units", "region", "month"]


@pytest.mark.parametrize(
    ("keys", "code", "reason"),
    [
        (["x", "month=1/x"], "dataset-schema-mismatch", "s/sales/x lies in folders of the columns none"),
        (["month=1/day=1/x", "day=1/month=1/x"], "dataset-schema-mismatch", "columns month, day, and"),
        (["month=1/month=2/x"], "dataset-unfit", "name the column month twice"),
        (["=1/x"], "dataset-unfit", "name the column =1 not at all"),
        (["month=%FF/x"], "dataset-unfit", "the folder month=%FF is not UTF-8"),
        (["units=1/x", "units=May/x"], "dataset-unfit", "units=May/x: its folder says no value of the type double"),
        (["a%0Ab=1/x"], "dataset-unreadable", "the name of its column 2"),
        ([f"{'a' * 201}=1/x"], "dataset-unreadable", "the name of its column 2"),
    ],
)
async def test_folders_that_cannot_be_columns_make_no_data_set(objects, keys, code, reason):
    refused, message = await refusal(objects, dict.fromkeys(keys, parquet(TABLE)))
    assert (refused, reason in message) == (code, True), message


async def test_empty_objects_say_nothing_with_their_folders_either(objects):
    files = {"x.csv": b"", "month=1/x.csv": b"units\n1\n", "month=2/x.csv.gz": gzip.compress(b"units\n1\n")}
    assert [name for name, *_ in told(await read(objects, files, "csv"))] == ["units", "month"]
