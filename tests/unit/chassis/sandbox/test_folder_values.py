"""A folder's value as a model's input, and in the type that files have for its column."""

from datetime import UTC, date, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from chassis.sandbox.child.conversion import Column, Rejections, convert_rows
from chassis.sandbox.child.folder_values import FoldersUnfit, column_of
from chassis.sandbox.child.hive import said_by, with_folders


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


@pytest.mark.parametrize(
    ("kind", "value", "wanted"),
    [
        (pa.int64(), "01", 1),
        (pa.int8(), "1e2", 100),
        (pa.uint64(), "18446744073709551615", 2**64 - 1),
        (pa.float16(), "1.5", 1.5),
        (pa.bool_(), "t", True),
        (pa.decimal128(9, 2), "1.5", Decimal("1.50")),
        (pa.date32(), "2024-01-02", date(2024, 1, 2)),
        (pa.timestamp("us", "UTC"), "2024-01-02 03:04:05", datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)),
        (pa.timestamp("s"), "2024-01-02T01+01:00", datetime.fromisoformat("2024-01-02")),
        (pa.string(), "NA", "NA"),
        (pa.large_string(), "NA", "NA"),
        (pa.binary(2), "NA", b"NA"),
    ],
)
def test_a_folders_value_takes_the_files_type(kind: pa.DataType, value: str, wanted: object) -> None:
    found = column_of("month", value, kind, 2)
    assert (found.type, found.to_pylist()) == (kind, [wanted, wanted])
    assert column_of("month", None, kind, 2).equals(pa.nulls(2, kind))


@pytest.mark.parametrize("value", ["May", "-1e400", "NA", "0x1F"])
@pytest.mark.parametrize(
    "kind",
    [pa.int8(), pa.int64(), pa.uint64(), pa.date32(), pa.timestamp("us"), pa.bool_(), pa.list_(pa.int64()), pa.uuid()],
)
def test_a_folders_value_that_is_none_of_the_files_type_is_told(kind: pa.DataType, value: str) -> None:
    schema = pa.schema([("month", kind)])
    with pytest.raises(FoldersUnfit, match=f"^sales/month={value}/x: its folder says no value of the type .* month$"):
        with_folders(schema, said_by(["sales/month=/x", f"sales/month={value}/x"]))


@pytest.mark.parametrize(
    ("kind", "value"),
    [(pa.int8(), "128"), (pa.uint64(), "-1"), (pa.int64(), "1.5"), (pa.timestamp("s"), "2024-01-02 00:00:00.5")],
)
def test_a_folders_value_that_would_be_cut_to_the_files_type_is_told(kind: pa.DataType, value: str) -> None:
    with pytest.raises(FoldersUnfit, match=r"no value of the type .* month$"):
        column_of("month", value, kind, 1)
