"""Columns that folders say: what the model gets, what is kept and what is rejected, against pyarrow's own data sets."""

import json
from datetime import date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import joblib
import pyarrow as pa
import pyarrow.dataset as ds
import pytest
from sklearn.linear_model import LinearRegression

from chassis.sandbox.child.bins import unpack_bins
from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.folder_values import FoldersUnfit
from chassis.sandbox.child.here import Here
from chassis.sandbox.child.hive import FoldersDiffer
from chassis.sandbox.child.layout import InputUnfit, Wanted, make_layout
from tests.unit.chassis.sandbox.folder_scoring import footer_of, parquet, planned, scored

TYPES: dict[str, tuple[str, pa.DataType, list[Any]]] = {
    "long": ("long", pa.int64(), [1, -7, 2**62]),
    "small": ("integer", pa.int8(), [-128, 0, 127]),
    "double": ("double", pa.float64(), [0.5, -1e300, 3.0]),
    "float": ("float", pa.float32(), [0.5, -2.25]),
    "boolean": ("boolean", pa.bool_(), [True, False]),
    "string": ("string", pa.string(), ["EU", "01", "NA", "a/b=c", "München 100%", "x+y z", "\u3042", "None"]),
    "binary": ("binary", pa.string(), ["EU", "NA"]),
    "datetime": ("datetime", pa.timestamp("us"), [datetime.fromisoformat("2024-02-29T23:59:59.123456")]),
    "date": ("datetime", pa.date32(), [date(2024, 2, 29), date(1999, 1, 1)]),
}
NAMES = ["month", "_month", "Straße", "a b", "%", "the+name", "x=", "rejected_reason"]
FORMATS = ["parquet", "csv"]


def write(folder: Path, form: str, table: pa.Table, name: str) -> dict[str, bytes]:
    """As pyarrow writes it into folders, by keys."""
    options = {"partitioning": [name], "partitioning_flavor": "hive", "basename_template": f"part-{{i}}.{form}"}
    ds.write_dataset(table, folder, format=form, **options)
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob(f"*.{form}"))}


def as_read(folder: Path, form: str, name: str, kind: pa.DataType) -> list[tuple[int, Any]]:
    """Pairs of row and folder's value, as pyarrow reads them back."""
    hive = ds.partitioning(pa.schema([(name, kind)]), flavor="hive")
    table = ds.dataset(folder, format=form, partitioning=hive).to_table(columns=["row", name])
    return sorted(zip(table["row"].to_pylist(), table[name].to_pylist(), strict=True))


def rows_of(values: list[Any], kind: pa.DataType, name: str = "month") -> pa.Table:
    return pa.table({"row": pa.array(range(len(values)), pa.int64()), name: pa.array(values, kind)})


@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("case", TYPES)
def test_a_model_gets_what_pyarrow_reads(tmp_path: Path, form: str, case: str, missing: bool) -> None:
    kind, arrow, values = TYPES[case]
    objects = write(tmp_path, form, rows_of([*values, None] if missing else values, arrow), "month")
    inputs = [Column("row", "long"), Column("month", kind, required=not missing)]

    found = scored(objects, inputs, keep=[])

    assert found.rejected is None
    seen = pa.table({"row": found.accepted["seen_0"], "month": found.accepted["seen_1"]})
    wanted = pa.array([value for _, value in as_read(tmp_path, form, "month", arrow)], arrow).cast(inputs[1].arrow_type)
    assert seen.sort_by("row")["month"].to_pylist() == wanted.to_pylist()


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("case", TYPES)
def test_a_kept_folder_is_the_text_that_it_says(tmp_path: Path, form: str, case: str) -> None:
    _, arrow, values = TYPES[case]
    objects = write(tmp_path, form, rows_of([*values, None], arrow), "month")

    for keep in (None, ["month"], ["row", "month"]):
        found = scored(objects, [Column("row", "long")], keep=keep)

        assert found.layout.kept.field("month").type == pa.string()
        assert sorted(zip(found["seen_0"], found["month"], strict=True)) == as_read(
            tmp_path, form, "month", pa.string()
        )


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("name", NAMES)
def test_a_folders_column_may_have_any_name_encoded_as_spark_does_it(form: str, name: str) -> None:
    files = [parquet(pa.table({"row": [row]})) if form == "parquet" else f"row\n{row}\n".encode() for row in (0, 1)]
    objects = {f"{quote(name)}={value}/x.{form}": raw for value, raw in zip(("EU", "US"), files, strict=True)}
    found = scored(objects, [Column(name, "string"), Column("row", "long")])
    assert list(zip(found["seen_1"], found["seen_0"], strict=True)) == [(0, "EU"), (1, "US")]
    assert found.layout.read.names == ["row", name]


@pytest.mark.parametrize("case", [case for case in TYPES if case != "binary"])
@pytest.mark.parametrize("form", FORMATS)
def test_of_a_column_that_files_have_too_the_folders_value_counts_in_their_place_and_type(
    tmp_path: Path, form: str, case: str
) -> None:
    kind, arrow, values = TYPES[case]
    objects, texts = dict[str, bytes](), write(tmp_path / "texts", form, rows_of(values, arrow), "month")
    for key in texts:
        other = pa.table({"month": pa.array([values[0]], arrow), "row": [7]})
        objects[key] = parquet(other) if form == "parquet" else b"month,row\nother,7\n"
        (tmp_path / "both" / key).parent.mkdir(parents=True)
        (tmp_path / "both" / key).write_bytes(objects[key])

    found = scored(objects, [Column("month", kind)], keep=["month", "row"])

    assert found.layout.read.names == ["month", "row"]
    expected = arrow if form == "parquet" else pa.string()
    assert found.layout.kept.field("month").type == expected
    hive = ds.partitioning(pa.schema([("month", expected)]), flavor="hive")
    read = ds.dataset(tmp_path / "both", format=form, partitioning=hive, schema=found.layout.kept.remove_metadata())
    assert sorted(found["month"]) == sorted(read.to_table(columns=["month"])["month"].to_pylist())
    assert sorted(found["seen_0"]) == sorted(pa.array(values, arrow).cast(Column("", kind).arrow_type).to_pylist())


@pytest.mark.parametrize("form", FORMATS)
def test_rows_whose_folder_says_no_value_that_the_model_takes_are_rejected_and_tell_their_folders(form: str) -> None:
    files = {"parquet": parquet(pa.table({"y": [1.5, 2.5]}), 1), "csv": b"y\n1.5\n2.5\n1,2\n"}
    keys = [f"sales/region=EU/month={month}/x.{form}" for month in ("01", "May", "NA", "")]

    found = scored(dict.fromkeys(keys, files[form]), [Column("month", "long"), Column("y", "double")])

    assert (found["seen_0"], found["region"]) == ([1, 1], ["EU", "EU"])
    told = {
        (row["rejected_object"], row["rejected_column"], row["rejected_reason"]) for row in found.rejected.to_pylist()
    }
    assert {(keys[3], "month", "its folder: null where a value is required")} <= told
    assert {(key, column) for key, column, _ in told if column} == {(key, "month") for key in keys[1:]}
    assert all(reason.startswith("its folder: ") for _, column, reason in told if column)
    assert set(found.rejected["region"].to_pylist()) == {"EU"}
    months = {keys[0]: "01", keys[1]: "May", keys[2]: "NA", keys[3]: None}
    assert all(row["month"] == months[row["rejected_object"]] for row in found.rejected.to_pylist())
    lines = [row for row in found.rejected.to_pylist() if row["rejected_line"]]
    assert len(lines) == (4 if form == "csv" else 0)


def test_a_model_may_take_nothing_but_folders() -> None:
    rows = 140_000
    found = scored({"month=01/x": parquet(pa.table({"y": range(rows)}), rows)}, [Column("month", "long")], keep=[])
    assert found["seen_0"] == [1] * rows


def test_the_bins_of_a_first_run_are_of_what_folders_say(tmp_path: Path) -> None:
    joblib.dump(LinearRegression().fit([[1.0], [2.0]], [1.0, 2.0]), tmp_path / "model")
    task = {"path": str(tmp_path / "model"), "format": "sklearn", "entrypoint": None, "params": {}, "text": False}
    fields = {"inputs": [vars(Column("month", "double"))], "outputs": []}
    raw, child = memoryview(parquet(pa.table({"y": [1, 2]}))), Here()
    child.ask({"op": "load"}, json.dumps({**task, **fields}).encode())
    limits = {"rows": 100, "bins": 20, "categories": 50, "columns": 50}
    place = {"kind": "row_group", "key": "month=07/x", "row_group": 0, "start": 0}

    answer, pieces = child.ask({"op": "sample", **place, **limits}, footer_of(raw), raw)

    [bins] = unpack_bins(pieces[:3], columns=50, edges=21, categories=50)
    assert (answer["rows"], bins.name) == (2, "month")
    assert 7.0 in bins.edges


def test_rows_are_rejected_where_files_have_nothing_but_what_folders_say() -> None:
    objects = {"month=May/x": parquet(pa.table({"month": ["a", "b"]}))}
    found = scored(objects, [Column("month", "long")])
    assert found.rejected.select(["month", "rejected_row"]).to_pydict() == {
        "month": ["May"] * 2,
        "rejected_row": [1, 2],
    }


def test_a_folder_takes_the_place_of_a_column_that_only_some_files_have() -> None:
    objects = {
        "month=01/a": parquet(pa.table({"y": [1.0]})),
        "month=02/b": parquet(pa.table({"month": pa.array([9], pa.int32()), "y": [2.0]})),
        "month=03/c": parquet(pa.table({"month": pa.array([9], pa.int64()), "y": [3.0]})),
    }
    found = scored(objects, [Column("y", "double")])
    assert (found.layout.kept.field("month").type, found["month"]) == (pa.int64(), [1, 2, 3])


def test_where_an_input_begins_changes_no_column() -> None:
    objects = {"sales/region=EU/month=01/x": parquet(pa.table({"y": [1.0]}))}
    assert planned(objects, [Column("region", "string")]).kept.names == ["y", "month"]


@pytest.mark.parametrize(
    ("keys", "error", "reason"),
    [
        (
            ["s/x", "s/month=1/x"],
            FoldersDiffer,
            "s/month=1/x lies in folders of the columns month, and s/x in those of",
        ),
        (["s/month=1/x", "s/x"], FoldersDiffer, "s/x lies in folders of the columns none, and s/month=1/x in"),
        (["s/month=1/month=2/x"], FoldersUnfit, "s/month=1/month=2/x: its folders name the column month twice"),
        (["s/month=%FF/x"], FoldersUnfit, "s/month=%FF/x: the folder month=%FF is not UTF-8"),
        (["s/y=1/x", "s/y=May/x"], FoldersUnfit, "s/y=May/x: its folder says no value of the type double, .* column y"),
    ],
)
def test_folders_that_cannot_be_columns_refuse_the_input(keys: list[str], error: type[Exception], reason: str) -> None:
    file = parquet(pa.table({"y": [1.0]}))
    with pytest.raises(error, match=reason):
        planned(dict.fromkeys(keys, file), [Column("y", "double")])


def test_an_input_that_neither_files_nor_folders_have_is_missing() -> None:
    with pytest.raises(InputUnfit, match="month=1/x has no column day"):
        planned({"month=1/x": parquet(pa.table({"y": [1.0]}))}, [Column("day", "long"), Column("month", "long")])


def test_columns_that_have_an_outputs_name_are_told_where_all_others_are_kept() -> None:
    schemas = [("seen=1/x", pa.schema([("y", pa.float64()), ("given", pa.int64()), ("month", pa.int64())]))]
    outputs = tuple(Column(name, "double") for name in ("seen", "given", "y", "other"))
    for keep, left_out in ((None, ["given", "seen"]), (("month",), [])):
        wanted = Wanted("the model", "it", (Column("y", "double"),), outputs, keep)
        assert make_layout(wanted, schemas).left_out(wanted) == left_out
