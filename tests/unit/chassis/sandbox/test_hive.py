"""What folders say is a column, and never half of one."""

from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.sandbox.child.described import Described
from chassis.sandbox.child.folder_values import FoldersUnfit
from chassis.sandbox.child.hive import FoldersDiffer, described, read_with_folders, said_by, values_of, with_folders


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


@pytest.mark.parametrize(("key", "reason"), [("a=1/a=2/x", "twice"), ("=1/x", "not at all"), ("a=%FF/x", "not UTF-8")])
def test_folders_that_say_no_column_are_told(key: str, reason: str) -> None:
    with pytest.raises(FoldersUnfit, match=reason):
        values_of(key)


@pytest.mark.parametrize(
    "other", ["sales/x.csv", "sales/month=1/region=EU/x.csv", "sales/region=EU/x.csv", "sales/region=EU/day=1/x.csv"]
)
def test_objects_in_other_folders_are_no_data_set(other: str) -> None:
    with pytest.raises(FoldersDiffer, match=other):
        said_by(["sales/region=US/month=2/x.csv", other])


def test_all_objects_have_the_columns_of_their_folders() -> None:
    keys = [f"sales/region={region}/month={month:02}/x.csv" for region in ("EU", "NA") for month in (1, 12)]
    said = said_by(keys)
    assert said == {"region": {"EU": keys[0], "NA": keys[2]}, "month": {"01": keys[0], "12": keys[1]}}
    assert described([], said, typed=True) == (
        Described("region", "string", False, folder=True),
        Described("month", "long", False, folder=True),
    )
    nothing = said_by([*keys, "sales/region=EU/month=__HIVE_DEFAULT_PARTITION__/x.csv"])
    assert described([], nothing, typed=True)[1].nullable
    assert said_by(["sales/x.csv"]) == said_by([]) == {}


@pytest.mark.parametrize(("typed", "kinds"), [(True, ["double", "long"]), (False, ["long", "long"])])
def test_what_files_have_too_is_described_in_its_place_and_where_files_have_types_in_theirs(
    typed: bool, kinds: list[str]
) -> None:
    files = [Described("month", "double", None), Described("week", "null", True), Described("y", "long", True)]
    found = described(files, said_by(["region=EU/week=2/month=01/x"]), typed=typed)
    assert [each.name for each in found] == ["month", "week", "y", "region"]
    assert [each.type for each in found[:2]] == kinds
    assert [each.folder for each in found] == [True, True, False, True]


def test_a_column_that_a_file_has_too_stays_in_its_place_and_type() -> None:
    schema = pa.schema([("month", pa.int64()), ("none", pa.null()), ("y", pa.null())])
    found = with_folders(schema, said_by(["region=EU/none=x/month=01/x"]))
    texts = [("none", pa.string()), ("y", pa.null()), ("region", pa.string())]
    assert found == pa.schema([("month", pa.int64()), *texts])


def test_an_objects_rows_are_read_with_what_its_folders_say() -> None:
    table = pa.table({"month": [9, 9], "y": ["a", None]})
    found = read_with_folders(table, "sales/region=EU/month=01/x")
    assert found.to_pydict() == {"month": [1, 1], "y": ["a", None], "region": ["EU", "EU"]}
    assert read_with_folders(table, "sales/x") is table


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
