"""A value is converted where it is kept; else its row is rejected with the column and the reason."""

from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.sandbox.child.conversion import INFINITE, NULL, WORD, Column, Rejections, convert_rows

LOST = "lost"


def converted(values: pa.Array, kind: str, *, text: bool = False) -> list:
    """Each value as the signature's type, or `LOST`."""
    batch = pa.record_batch([values], names=["x"])
    rejections = Rejections()
    [column], kept = convert_rows(
        batch, [Column("x", kind, required=False)], text=text, first_row=0, rejections=rejections
    )
    mask = np.ones(len(values), dtype=bool) if kept is None else kept
    found = iter(column.to_pylist())
    assert rejections.table()["row"].to_pylist() == [int(row) for row in np.flatnonzero(~mask)]
    return [next(found) if one else LOST for one in mask]


@pytest.mark.parametrize(
    ("values", "kind", "expected"),
    [
        (pa.array([1, None, -3], pa.int16()), "double", [1.0, None, -3.0]),
        (pa.array([2**53, 2**53 + 1], pa.int64()), "double", [2.0**53, LOST]),
        (pa.array([2**24, 2**24 + 1], pa.int32()), "float", [2.0**24, LOST]),
        (pa.array([3.0, 3.5, 1e300, float("inf"), float("nan")]), "long", [3, LOST, LOST, LOST, LOST]),
        (pa.array([2.0**63, -(2.0**63)]), "long", [LOST, -(2**63)]),
        (pa.array([2**31 - 1, 2**31], pa.int64()), "integer", [2**31 - 1, LOST]),
        (pa.array([2**63], pa.uint64()), "long", [LOST]),
        (pa.array([0.5, 1e300, float("inf")]), "float", [0.5, LOST, float("inf")]),
        (pa.array([Decimal("12.50"), Decimal("12.00")]), "long", [LOST, 12]),
        (pa.array([True]), "long", [LOST]),
        (pa.array([1]), "boolean", [LOST]),
        (pa.array([1]), "string", [LOST]),
        (pa.array(["1"]), "double", [LOST]),
        (pa.array(["a", None], pa.large_string()), "string", ["a", None]),
        (pa.array(["a", "b", "a"]).dictionary_encode(), "string", ["a", "b", "a"]),
        (pa.array([b"a"], pa.binary(1)), "binary", [b"a"]),
        (pa.nulls(2), "double", [None, None]),
    ],
)
def test_a_value_is_converted_where_it_is_kept(values: pa.Array, kind: str, expected: list) -> None:
    assert converted(values, kind) == expected


@pytest.mark.parametrize(
    ("kind", "values", "expected"),
    [
        ("long", ["12", " 12 ", "3.0", "3.5", "x", "", "9223372036854775807", "9223372036854775808", "1_0"],
         [12, 12, 3, LOST, LOST, None, 2**63 - 1, LOST, LOST]),
        ("long", ["1", "2.0"], [1, 2]),
        ("integer", ["2147483648", "-5"], [LOST, -5]),
        ("double", ["1.5", "1e3", "-inf", "1e999", "abc", ""], [1.5, 1000.0, float("-inf"), LOST, LOST, None]),
        ("double", ["1.5", "1e999"], [1.5, LOST]),
        ("boolean", ["true", "FALSE", "1", "maybe", ""], [True, False, True, LOST, None]),
        ("string", ["", "x", None, "NA", " NA"], [None, "x", None, None, " NA"]),
        ("binary", ["x"], [b"x"]),
    ],
)  # fmt: skip
def test_text_is_read_by_type(kind: str, values: list, expected: list) -> None:
    assert converted(pa.array(values, pa.string()), kind, text=True) == expected


def test_text_times_are_utc_unless_they_say_otherwise() -> None:
    values = pa.array(["2026-03-03", "2026-03-03T06:00:00Z", "2026-03-03T06:00:00+02:00", "soon"])
    hours = [one if one == LOST else one.hour for one in converted(values, "datetime", text=True)]
    assert hours == [0, 6, 4, LOST]


def test_a_row_is_rejected_once_for_its_first_wrong_column() -> None:
    batch = pa.record_batch({"a": [None, 1.0, 1.0], "b": ["x", "y", None]})
    columns = [Column("a", "double"), Column("b", "string"), Column("c", "double", required=False)]
    rejections = Rejections()
    kept_columns, kept = convert_rows(batch, columns, text=False, first_row=10, rejections=rejections)
    assert kept is not None
    assert kept.tolist() == [False, True, False]
    assert [column.to_pylist() for column in kept_columns] == [[1.0], ["y"], [None]]
    assert rejections.table().to_pylist() == [
        {"row": 10, "column": "a", "reason": "null where a value is required"},
        {"row": 12, "column": "b", "reason": "null where a value is required"},
    ]


@pytest.mark.parametrize("kind", ["float", "double"])
@pytest.mark.parametrize("text", [False, True])
def test_what_is_not_finite_is_rejected_where_a_value_is_required(kind: str, text: bool) -> None:
    values = pa.array(["1.5", "inf", "-inf", "nan"])
    batch = pa.record_batch([values if text else values.cast(pa.float64())], names=["x"])
    rejections = Rejections()
    [column], _ = convert_rows(batch, [Column("x", kind)], text=text, first_row=0, rejections=rejections)
    assert column.to_pylist() == [1.5]
    assert rejections.table()["reason"].to_pylist() == [INFINITE, INFINITE, WORD if text else NULL]


@pytest.mark.parametrize(
    ("values", "kind", "reason"),
    [
        (pa.array(["1"]), "double", "a text where a value of type double is required"),
        (pa.array([True]), "integer", "a boolean where a value of type integer is required"),
        (pa.array([[1]]), "long", "a value of type list<item: int64> where a value of type long is required"),
        (pa.array([2.5]), "long", "a number that can't be read as long without loss"),
    ],
)
def test_a_reason_says_what_is_there_and_what_is_wanted(values: pa.Array, kind: str, reason: str) -> None:
    rejections = Rejections()
    batch = pa.record_batch([values], names=["x"])
    convert_rows(batch, [Column("x", kind)], text=False, first_row=0, rejections=rejections)
    assert rejections.table()["reason"].to_pylist() == [reason]


def test_a_text_that_is_no_such_value_is_told() -> None:
    rejections = Rejections()
    batch = pa.record_batch([pa.array(["three"])], names=["x"])
    convert_rows(batch, [Column("x", "double")], text=True, first_row=0, rejections=rejections)
    assert rejections.table()["reason"].to_pylist() == ["a text that can't be read as double"]


@given(st.lists(st.one_of(st.none(), st.integers(-(2**63), 2**63 - 1)), min_size=1))
def test_what_is_converted_to_double_is_the_same_number(numbers: list[int | None]) -> None:
    for number, result in zip(numbers, converted(pa.array(numbers, pa.int64()), "double"), strict=True):
        assert result in (LOST, number)
        if number is not None and abs(number) <= 2**53:
            assert result == number


@given(st.lists(st.floats() | st.none(), min_size=1))
def test_what_is_converted_to_long_is_the_same_number(numbers: list[float | None]) -> None:
    for number, result in zip(numbers, converted(pa.array(numbers, pa.float64()), "long"), strict=True):
        assert result in (LOST, number)


@given(st.lists(st.text(max_size=12)), st.sampled_from(["long", "integer", "double", "float", "boolean", "datetime"]))
def test_no_text_whatever_stops_the_reading(values: list[str], kind: str) -> None:
    converted(pa.array(values, pa.string()), kind, text=True)
