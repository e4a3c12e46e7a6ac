"""What is read of a data set, and what makes it none."""

import asyncio
import gzip
import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from chassis.errors import Refusal
from chassis.object_errors import ObjectForbidden, ObjectUnfit
from chassis.sandbox.child.parquet_schema import type_name
from services.registry.tabular.content import Contents
from tests.unit.registry.fakes import ChildHere, FakeObjects

ROOT = "s3://datasets/sales/"
TABLE = pa.table({"store": pa.array([1, 2, 3], pa.int32()), "units": [1.5, None, 3.0], "day": ["a", "b", "c"]})


def parquet(table: pa.Table = TABLE, **options) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(table, buffer, **options)
    return buffer.getvalue()


@pytest.fixture
def objects() -> FakeObjects:
    return FakeObjects()


async def read(objects, files, data_format="parquet", *, uri=ROOT, max_objects=100):
    for path, data in files.items():
        objects[f"{ROOT}{path}"] = data
    return await Contents(objects, max_objects, ChildHere).read(uri, data_format)


async def refusal(*args, **kwargs) -> tuple[str, str]:
    with pytest.raises(Refusal) as refused:
        await read(*args, **kwargs)
    assert refused.value.violations[0].field == "uri"
    return refused.value.code, refused.value.message


def described(content) -> list[tuple[str, str, bool | None]]:
    return [(each.name, each.type, each.nullable) for each in content.columns]


async def test_parquet_says_its_columns_and_counts_its_rows(objects):
    data = parquet()
    content = await read(objects, {"a.parquet": data, "month/b.parquet": data})
    assert described(content) == [("store", "integer", True), ("units", "double", True), ("day", "string", True)]
    assert (content.objects, content.rows, content.size_bytes) == (2, 6, 2 * len(data))


@pytest.mark.parametrize("name", ["two\nlines", "x" * 201, " "])
async def test_a_name_that_no_fact_can_hold_is_refused_by_its_place(objects, name):
    refused = await refusal(objects, {"a.parquet": parquet(pa.table({"store": [1], name: [2]}))})
    wanted = "the name of its column 2 is no line of 1 to 200 characters: rename it"
    assert refused == ("dataset-unreadable", wanted)


async def test_one_object_is_a_data_set_and_a_prefix_needs_no_slash(objects):
    assert (await read(objects, {"a.parquet": parquet()}, uri=f"{ROOT}a.parquet")).objects == 1
    assert (await read(objects, {}, uri=ROOT.rstrip("/"))).objects == 1


async def test_only_footers_are_read_however_long_they_are(objects):
    wide = pa.table({f"column_{number}": pa.array(range(2000)) for number in range(700)})
    data = parquet(wide, row_group_size=1000)
    assert (await read(objects, {"a.parquet": data})).rows == 2000
    assert len(objects.reads) == 2
    assert sum(length for _, _, length in objects.reads) < len(data) / 4


async def test_markers_are_no_data(objects):
    files = {"_SUCCESS": b"", ".crc": b"x", "_delta_log/0.json": b"{}", "a.parquet": parquet()}
    assert (await read(objects, files)).objects == 1


async def test_nothing_there_is_empty(objects):
    assert (await refusal(objects, {}))[0] == "dataset-empty"
    assert (await refusal(objects, {"_SUCCESS": b""}))[0] == "dataset-empty"
    assert (await refusal(objects, {"a.parquet": parquet(TABLE.slice(0, 0))}))[0] == "dataset-empty"
    assert (await refusal(FakeObjects(), {"a.csv": b""}, "csv"))[0] == "dataset-empty"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"PAR1",
        b"a,b\n1,2\n",
        parquet()[:-1],
        b"PAR1" + b"\xff\xff\xff\x7f" + b"PAR1",
        b"PAR1" + b"junk" * 5 + (20).to_bytes(4, "little") + b"PAR1",
        parquet()[:4] + b"\x00" * 50 + parquet()[-8:],
    ],
)
async def test_what_is_no_parquet_is_unreadable_and_named(objects, data):
    code, message = await refusal(objects, {"a.parquet": parquet(), "b.parquet": data})
    assert code == "dataset-unreadable"
    assert message.startswith(f"{ROOT}b.parquet: ")


async def test_objects_with_different_columns_are_no_data_set(objects):
    other = parquet(TABLE.rename_columns(["store", "units", "week"]))
    assert (await refusal(objects, {"a.parquet": parquet(), "b.parquet": other}))[0] == "dataset-schema-mismatch"
    assert (await refusal(FakeObjects(), {"a.csv": b"a,b\n1,2\n", "b.csv": b"a,c\n1,2\n"}, "csv"))[0] == (
        "dataset-schema-mismatch"
    )


async def test_columns_of_parquet_may_come_and_go_and_grow_wider(objects):
    first = pa.table({"store": ["a"], "units": pa.array([1], pa.int32())})
    later = pa.table({"store": ["a"], "units": pa.array([1], pa.int64()), "week": [1]})
    content = await read(objects, {f"{n}.parquet": parquet(each) for n, each in enumerate((first, later, first))})
    assert described(content) == [("store", "string", True), ("units", "long", True), ("week", "long", True)]
    assert (content.rows, content.objects) == (3, 3)


async def test_columns_that_change_from_numbers_to_texts_are_no_data_set(objects):
    files = {f"{n}.parquet": parquet(pa.table({"week": [each]})) for n, each in enumerate((1, "one"))}
    assert (await refusal(objects, files))[0] == "dataset-schema-mismatch"


async def test_csv_takes_names_from_its_header_and_types_from_its_values(objects):
    text = 'store,units,day,note,open\n1,1.5,2026-01-01,"a\nb",true\n2,,2026-01-02,,false\n'
    content = await read(objects, {"a.csv": text.encode(), "b.csv": b"store,units,day,note,open\n"}, "csv")
    assert [kind for _, kind, _ in described(content)] == ["long", "double", "datetime", "string", "boolean"]
    assert (content.rows, content.objects) == (None, 2)


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress])
async def test_csv_is_read_by_the_delimiter_of_its_header_gzipped_or_not(objects, delimiter, pack):
    text = "price,qty,id\n1.5,2,a\n".replace(",", delimiter)
    content = await read(objects, {"a.csv": pack(text.encode())}, "csv")
    assert described(content) == [("price", "double", None), ("qty", "long", None), ("id", "string", None)]


async def test_csv_objects_may_disagree_on_types_but_not_on_names(objects):
    files = {"0.csv": b"a,b,c,d\n", "1.csv": b"a,b,c,d\n1,1,1,\n", "2.csv": b"a,b,c,d\n2,2.5,x,\n"}
    content = await read(objects, files, "csv")
    assert [kind for _, kind, _ in described(content)] == ["long", "double", "string", "string"]


async def test_of_a_large_csv_only_the_first_block_is_read(objects):
    text = b"a,b\n" + b"1,2\n" * 600_000
    content = await read(objects, {"a.csv": text}, "csv")
    assert described(content) == [("a", "long", None), ("b", "long", None)]
    assert [length for _, _, length in objects.reads] == [1024 * 1024]


async def test_a_csv_may_be_in_the_charset_that_its_content_type_names(objects):
    objects.content_types[f"{ROOT}a.csv"] = "text/csv; charset=windows-1252"
    content = await read(objects, {"a.csv": "région;prix €\nLorraine;1,5\n".encode("cp1252")}, "csv")
    assert [name for name, _, _ in described(content)] == ["région", "prix €"]


async def test_a_charset_that_nobody_knows_is_told(objects):
    objects.content_types[f"{ROOT}a.csv"] = "text/csv; charset=klingon"
    code, message = await refusal(objects, {"a.csv": b"a,b\n1,2\n"}, "csv")
    assert (code, "klingon" in message) == ("dataset-unreadable", True)


@pytest.mark.parametrize("text", [b"a,a\n1,2\n", b"\xff\n1\n", b"\n\n", b"a\x00b\n", b",b\n1,2\n", parquet()])
async def test_what_is_no_csv_is_unreadable(objects, text):
    assert (await refusal(objects, {"a.csv": text}, "csv"))[0] == "dataset-unreadable"


@pytest.mark.parametrize("rows", [0, 100, 200_000])
async def test_a_line_that_is_no_row_keeps_nobody_from_registering(objects, rows):
    text = b"a,b\n" + b"1,2.5\n" * rows + b"1\n\xff,2\n1,2,3\n7,2\n"
    assert [kind for _, kind, _ in described(await read(objects, {"a.csv": text}, "csv"))] == [
        "long",
        "double" if rows else "long",
    ]


@pytest.mark.parametrize(
    ("data", "data_format", "reason"),
    [
        (b"a,b,a\n1,2,3\n", "csv", "the column a more than once"),
        (b",b\n1,2\n", "csv", "column 1 has no name"),
        (parquet(pa.table([[1], [2], [3]], names=["x", "y", "x"])), "parquet", "the column x more than once"),
        (parquet(pa.table([[1], [2]], names=["x", ""])), "parquet", "column 2 has no name"),
    ],
)
async def test_a_column_that_no_name_finds_is_told(objects, data, data_format, reason):
    code, message = await refusal(objects, {"a": data}, data_format)
    assert (code, reason in message) == ("dataset-unreadable", True), message


async def test_a_header_without_an_end_is_unreadable(objects):
    assert (await refusal(objects, {"a.csv": b"a" * 2_000_000}, "csv"))[0] == "dataset-unreadable"


async def test_too_many_objects_are_refused_unread(objects):
    files = {"a.parquet": parquet(), "b.parquet": parquet()}
    assert (await refusal(objects, files, max_objects=1))[0] == "dataset-too-large"
    assert objects.reads == []


async def test_no_more_is_listed_than_a_data_set_may_have_whatever_else_lies_there(objects):
    for number in range(500):
        objects[f"{ROOT}_temporary/{number}.parquet"] = b""
    assert (await refusal(objects, {"z.parquet": parquet()}, max_objects=10))[0] == "dataset-too-large"
    assert objects.listed == 101


@pytest.mark.parametrize(("said", "code"), [(ObjectForbidden, "dataset-forbidden"), (ObjectUnfit, "dataset-unfit")])
@pytest.mark.parametrize("path", ["", "b.parquet"], ids=["what lies there", "one object"])
async def test_what_the_store_does_not_give_is_refused_with_its_reason(objects, said, code, path):
    objects.broken[f"{ROOT}{path}"] = said(f"{ROOT}{path} (KMS.DisabledException)")
    found, message = await refusal(objects, {"a.parquet": parquet(), "b.parquet": parquet()})
    assert (found, "KMS.DisabledException" in message) == (code, True)


async def test_when_one_object_is_the_answer_the_others_are_not_read(objects):
    files = {f"{number:03}.parquet": parquet() for number in range(90)}
    objects.broken[f"{ROOT}000.parquet"] = ObjectForbidden("000.parquet (AccessDenied)")
    assert (await refusal(objects, files))[0] == "dataset-forbidden"
    read = len(objects.reads)
    await asyncio.sleep(0.1)
    assert len(objects.reads) == read < 30


@pytest.mark.parametrize("name", ["a\tb.parquet", "a\x7f.parquet", "a//b.parquet"])
async def test_a_name_that_not_every_client_can_say_is_refused_and_shown(objects, name):
    code, message = await refusal(objects, {"a.parquet": parquet(), name: parquet()})
    assert (code, repr(name)[1:-1] in message) == ("dataset-unfit", True)


async def test_what_no_data_set_holds_may_have_any_name(objects):
    assert (await read(objects, {"a.parquet": parquet(), "_tmp/a\tb": b"", ".x\n": b""})).objects == 1


async def test_hive_folders_are_data_whatever_their_columns_are_called(objects):
    data = parquet()
    files = {"_year=2026/month=01/a.parquet": data, "year=2026/_tmp/b.parquet": data, "a=1/_SUCCESS": b""}
    assert (await read(objects, files)).objects == 1


@pytest.mark.parametrize(
    ("arrow", "name"),
    [
        (pa.bool_(), "boolean"),
        (pa.int8(), "integer"),
        (pa.uint16(), "integer"),
        (pa.int32(), "integer"),
        (pa.uint32(), "long"),
        (pa.int64(), "long"),
        (pa.float16(), "float"),
        (pa.float32(), "float"),
        (pa.float64(), "double"),
        (pa.decimal128(10, 2), "double"),
        (pa.large_string(), "string"),
        (pa.dictionary(pa.int8(), pa.string()), "string"),
        (pa.null(), "null"),
        (pa.binary(), "binary"),
        (pa.binary(4), "fixed_size_binary[4]"),
        (pa.uuid(), "fixed_size_binary[16]"),
        (pa.json_(), "string"),
        (pa.string_view(), "string"),
        (pa.date32(), "datetime"),
        (pa.timestamp("us", tz="UTC"), "datetime"),
        (pa.list_(pa.int64()), "list<item: int64>"),
    ],
)
def test_columns_have_the_types_that_signatures_have(arrow, name):
    assert type_name(arrow) == name
