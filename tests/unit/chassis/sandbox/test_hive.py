"""What folders say is a column, and never half of one."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.sandbox.child.conversion import Column, Rejections, convert_rows
from chassis.sandbox.child.described import Described
from chassis.sandbox.child.hive import FoldersUnfit, column_of, described, names_of, values_of, with_folders


@pytest.mark.parametrize(
    ("key", "values"),
    [
        ("sales/region=EU/month=01/part-0.parquet", {"region": "EU", "month": "01"}),
        ("sales/part-0.parquet", {}),
        ("sales/old/region=EU/new/part=0.parquet", {"region": "EU"}),
        ("region=EU/x.csv", {"region": "EU"}),
        ("region=__HIVE_DEFAULT_PARTITION__/city=/x.csv", {"region": None, "city": None}),
        ("region=NA/x.csv", {"region": "NA"}),
        ("at=2024-01-02%2003%3A04%3A05/x.csv", {"at": "2024-01-02 03:04:05"}),
        ("stra%C3%9Fe=M%C3%BCnchen+1/x.csv", {"straße": "München+1"}),
        ("a=b=c/x.csv", {"a": "b=c"}),
    ],
)
def test_folders_say_columns(key: str, values: dict[str, str | None]) -> None:
    assert values_of(key) == values


def test_folders_of_the_prefix_do_not_count_where_it_is_given() -> None:
    assert values_of("sales/region=EU/month=01/x.csv", "sales/region=EU/") == {"month": "01"}


@pytest.mark.parametrize(("key", "reason"), [("a=1/a=2/x", "twice"), ("=1/x", "not at all"), ("a=%FF/x", "not UTF-8")])
def test_folders_that_say_no_column_are_told(key: str, reason: str) -> None:
    with pytest.raises(FoldersUnfit, match=reason):
        values_of(key)


@pytest.mark.parametrize(
    "other", ["sales/x.csv", "sales/month=1/region=EU/x.csv", "sales/region=EU/x.csv", "sales/region=EU/day=1/x.csv"]
)
def test_objects_in_other_folders_are_no_data_set(other: str) -> None:
    with pytest.raises(FoldersUnfit, match=other):
        names_of(["sales/region=US/month=2/x.csv", other])


def test_all_objects_have_the_columns_of_their_folders() -> None:
    keys = [f"sales/region={region}/month={month:02}/x.csv" for region in ("EU", "NA") for month in (1, 12)]
    assert names_of(keys) == ("region", "month")
    assert described(keys) == (Described("region", "string", False), Described("month", "long", False))
    assert described([*keys, "sales/region=EU/month=__HIVE_DEFAULT_PARTITION__/x.csv"])[1].nullable
    assert described(["sales/x.csv"]) == ()


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        ("string", "01", "01"),
        ("string", "NA", "NA"),
        ("string", None, None),
        ("long", "01", 1),
        ("double", "1.5", 1.5),
        ("boolean", "true", True),
        ("double", None, None),
        ("binary", "a", b"a"),
    ],
)
def test_a_folders_value_is_an_input_in_every_row(kind: str, value: str | None, wanted: object) -> None:
    for text in (False, True):
        batch = pa.record_batch([pa.array(["9", "9"]) if text else pa.array([9.0, 9.0])], names=["y"])
        columns = [Column("x", kind, required=False), Column("y", "double")]
        [found, _], kept = convert_rows(
            batch, columns, text=text, first_row=0, rejections=Rejections(), folders={"x": value}
        )
        assert (found.to_pylist(), kept) == ([wanted, wanted], None)


@pytest.mark.parametrize(
    ("kind", "value", "reason"),
    [
        ("long", "EU", "its folder: a text that can't be read as long"),
        ("long", "2.000", "its folder: a number with marks between thousands"),
        ("double", None, "its folder: null where a value is required"),
        ("string", None, "its folder: null where a value is required"),
    ],
)
def test_a_folder_that_says_no_such_value_rejects_its_rows(kind: str, value: str | None, reason: str) -> None:
    rejections = Rejections()
    batch = pa.record_batch([pa.array([1.0, 2.0])], names=["y"])
    [found], _ = convert_rows(
        batch, [Column("x", kind)], text=False, first_row=5, rejections=rejections, folders={"x": value}
    )
    assert len(found) == 0
    assert rejections.table()["row"].to_pylist() == [5, 6]
    assert all(each.startswith(reason) for each in rejections.table()["reason"].to_pylist())


def test_of_a_column_that_a_file_has_too_the_folders_value_counts_in_the_files_type() -> None:
    schema = pa.schema([("month", pa.int64()), ("y", pa.float64())])
    assert with_folders(schema, ["region", "month"]) == pa.schema([*schema, ("region", pa.string())])
    assert column_of("month", "01", pa.int64(), 2).to_pylist() == [1, 1]
    assert column_of("day", "2024-01-02", pa.date32(), 1).cast("string").to_pylist() == ["2024-01-02"]
    assert column_of("region", "NA", pa.string(), 1).to_pylist() == ["NA"]
    assert column_of("region", None, pa.int64(), 1).to_pylist() == [None]
    for kind in (pa.int64(), pa.date32(), pa.list_(pa.int64())):
        with pytest.raises(FoldersUnfit, match="column month"):
            column_of("month", "May", kind, 1)


NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\x00"), min_size=1, max_size=6).filter(
    lambda text: text not in {".", ".."} and text.strip()
)


@given(st.lists(NAME, min_size=1, max_size=3))
def test_what_pyarrow_writes_into_folders_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, values: list[str]
) -> None:
    import pyarrow.dataset as ds

    folder = tmp_path_factory.mktemp("hive")
    table = pa.table({"region": values, "y": range(len(values))})
    ds.write_dataset(table, folder, format="parquet", partitioning=["region"], partitioning_flavor="hive")
    files = [path.relative_to(folder).as_posix() for path in Path(folder).rglob("*.parquet")]
    assert {values_of(file)["region"] for file in files} == set(values)
