"""Predictions become named, typed columns, or are told not to fit."""

from datetime import UTC, date, datetime
from decimal import Decimal

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse

from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.outputs import PredictionShape, to_table

TWO = [Column("low", "float"), Column("high", "double")]
HALF = Decimal("1.5")


def typed(kind: str, *, required: bool = False) -> list[Column]:
    return [Column("prediction", kind, required)]


@pytest.mark.parametrize(
    "result",
    [
        np.array([1.0, 2.0]),
        np.array([[1.0], [2.0]]),
        np.matrix([[1.0], [2.0]]),
        np.array([1.0, 2.0], dtype=">f8"),
        np.array([1.0, 2.0], dtype=np.longdouble),
        [1.0, 2.0],
        [np.float64(1), np.array(2.0)],
        [np.array([1.0]), np.array([2.0])],
        [[1.0], [2.0]],
        (each for each in [1.0, 2.0]),
        pd.Series([1.0, 2.0]),
        pd.Series([1.0, 2.0], dtype="Float64"),
        pd.DataFrame({"anything": [1.0, 2.0]}),
        pd.Index([1.0, 2.0]),
        pa.array([1.0, 2.0]),
        pa.chunked_array([[1.0], [2.0]]),
        pa.table({"prediction": [1.0, 2.0], "other": [0, 0]}),
        pa.record_batch({"prediction": [1.0, 2.0]}),
        {"prediction": [1.0, 2.0], "other": [0, 0]},
        [{"prediction": 1.0}, {"prediction": 2.0}],
        np.array([(1.0, 0), (2.0, 0)], dtype=[("prediction", "f8"), ("other", "i4")]),
        sparse.csr_array([[1.0], [2.0]]),
        sparse.coo_array(np.array([1.0, 2.0])),
    ],
)
def test_without_outputs_there_is_one_column_prediction(result: object) -> None:
    assert to_table(result, [], 2).to_pydict() == {"prediction": [1.0, 2.0]}


@pytest.mark.parametrize(
    "result",
    [
        np.array([[1.0, 2.0]]),
        ([1.0], [2.0]),
        (np.array([1.0]), pd.Series([2.0])),
        [[1.0, 2.0]],
        ((low, 2.0) for low in [1.0]),
        pd.DataFrame([[1.0, 2.0]]),
        {"high": np.array([2.0]), "low": np.array([1.0]), "more": np.array([0.0])},
        pd.DataFrame({"high": [2.0], "low": [1.0]}),
        pa.table({"high": [2.0], "low": [1.0]}),
        [{"high": 2.0, "low": 1.0}],
    ],
)
def test_outputs_are_taken_by_name_or_place_in_the_signature_s_types(result: object) -> None:
    table = to_table(result, TWO, 1)
    assert table.to_pydict() == {"low": [1.0], "high": [2.0]}
    assert table.schema.types == [pa.float32(), pa.float64()]


def test_a_result_with_the_batch_s_own_labels_in_another_order_is_put_in_the_batch_s() -> None:
    series = pd.Series([30, 10, 20], index=[2, 0, 1])
    assert to_table(series, typed("long"), 3)["prediction"].to_pylist() == [10, 20, 30]
    frame = pd.DataFrame({"prediction": series, "other": 0})
    assert to_table(frame, typed("long"), 3)["prediction"].to_pylist() == [10, 20, 30]
    assert to_table({"prediction": series}, typed("long"), 3)["prediction"].to_pylist() == [10, 20, 30]


@pytest.mark.parametrize("index", [["a", "b"], [1, 2], [0, 0], pd.Index([1, 0], name="id"), [0.0, 1.5]])
def test_a_result_with_labels_of_its_own_is_refused(index: object) -> None:
    with pytest.raises(PredictionShape, match="index of its own"):
        to_table(pd.Series([1.0, 2.0], index=index), [], 2)


@pytest.mark.parametrize(
    ("kind", "given", "kept"),
    [
        ("string", ["a", None, float("nan"), pd.NA], ["a", None, None, None]),
        ("string", pd.Categorical(["a", None, "b"]), ["a", None, "b"]),
        ("string", pa.array(["a", "a"]).dictionary_encode(), ["a", "a"]),
        ("string", np.array([5.0, 0.5, np.nan], dtype="float32"), ["5", "0.5", None]),
        ("string", [True, None, False], ["True", None, "False"]),
        ("string", np.array([2**62 + 1]), [str(2**62 + 1)]),
        ("string", np.array([b"a"]), ["a"]),
        ("binary", ["é", b"x"], ["é".encode(), b"x"]),
        ("long", [1.0, float("nan")], [1, None]),
        ("long", np.ma.array([1, 2], mask=[0, 1]), [1, None]),
        ("long", pd.array([2**62 + 1, None], dtype="Int64"), [2**62 + 1, None]),
        ("long", pa.array([2**62 + 1, None]), [2**62 + 1, None]),
        ("long", [Decimal(2), None], [2, None]),
        ("long", [True, False], [1, 0]),
        ("integer", np.array([2**31 - 1, -(2**31)]), [2**31 - 1, -(2**31)]),
        ("boolean", [0, 1, None], [False, True, None]),
        ("boolean", np.array([0.0, 1.0]), [False, True]),
        ("double", [HALF], [1.5]),
        ("double", np.array([2**63], dtype="uint64"), [2.0**63]),
        ("double", np.array([0.1], dtype="float16"), [float(np.float16(0.1))]),
        ("float", [float("inf"), 0.5], [float("inf"), 0.5]),
        ("datetime", [date(2024, 1, 2), pd.NaT], [datetime(2024, 1, 2), None]),  # noqa: DTZ001
        ("datetime", [datetime(2024, 1, 2, tzinfo=UTC)], [datetime(2024, 1, 2)]),  # noqa: DTZ001
        ("datetime", pd.to_datetime(["2024-01-02"]).tz_localize("Europe/Paris"), [datetime(2024, 1, 1, 23)]),  # noqa: DTZ001
        ("datetime", np.array(["2024"], dtype="M8[Y]"), [datetime(2024, 1, 1)]),  # noqa: DTZ001
        ("datetime", [date(2024, 1, 2), datetime(2024, 1, 2, 5)], [datetime(2024, 1, 2), datetime(2024, 1, 2, 5)]),  # noqa: DTZ001
    ],
)
def test_a_value_is_kept_in_the_declared_type(kind: str, given: object, kept: list[object]) -> None:
    assert to_table(given, typed(kind), len(kept))["prediction"].to_pylist() == kept


def test_nanoseconds_are_kept() -> None:
    moment = pd.Timestamp("2024-01-02 00:00:00.000000001")
    for result in ([moment], pd.Series([moment]), pd.Series([moment], dtype=object)):
        assert to_table(result, typed("datetime"), 1)["prediction"][0].value % 10 == 1


def test_nan_is_a_number_to_a_float_even_where_a_value_is_required() -> None:
    values = to_table([1.0, float("nan")], typed("double", required=True), 2)["prediction"]
    assert values.null_count == 0
    assert np.isnan(values[1].as_py())


@pytest.mark.parametrize(
    ("kind", "given", "row"),
    [
        ("long", [1.0, 2.7], 1),
        ("long", np.array([0, 2**63], dtype="uint64"), 1),
        ("long", np.array([0.0, 1e19]), 1),
        ("long", [Decimal(1), HALF], 1),
        ("integer", np.array([0, 2**31]), 1),
        ("boolean", [0, 2], 1),
        ("boolean", [0.5, 1.0], 0),
        ("float", [1.0, 1e300], 1),
        ("float", [2**24 + 1, 0], 0),
        ("double", [0, 2**53 + 1], 1),
        ("string", [b"a", b"\xff"], 1),
        ("datetime", np.array(["2024", "3024"], dtype="M8[s]"), 1),
        ("datetime", [datetime(3024, 1, 1), None], 0),  # noqa: DTZ001
        ("datetime", [datetime(2024, 1, 1), 5], 1),  # noqa: DTZ001
    ],
)
def test_a_value_that_the_declared_type_cannot_keep_is_refused_with_its_row_and_without_itself(
    kind: str, given: object, row: int
) -> None:
    with pytest.raises(PredictionShape) as caught:
        to_table(given, typed(kind), 2)
    assert caught.value.row == row
    assert "2.7" not in str(caught.value)


@pytest.mark.parametrize("given", [["a", None], np.array(["a", None], dtype=object), pd.Series(["a", np.nan])])
def test_no_value_where_one_is_required_is_refused_with_its_row(given: object) -> None:
    with pytest.raises(PredictionShape, match="prediction is required in the signature") as caught:
        to_table(given, typed("string", required=True), 2)
    assert caught.value.row == 1


@pytest.mark.parametrize(
    ("result", "outputs", "reason"),
    [
        (np.zeros(3), [], "3 predictions for 2 rows"),
        (np.zeros((2, 2)), [], "2 columns and 1 is expected"),
        (np.zeros(2), TWO, "1 column and 2 are expected: low, high"),
        (np.zeros((2, 2, 2)), [], r"shape \(2, 2, 2\)"),
        (None, [], "nothing"),
        (3.0, [], "a single value of type float"),
        ("ab", [], "a single value of type str"),
        ({"prediction": 1.0}, [], r"a single value of type float .* \(column prediction\)"),
        ({1.0, 2.0}, [], "a set"),
        (np.array([object(), object()]), [], "type object"),
        ([1, "a"], [], "the types int, str"),
        ([2**70, 1], [], "of no one type"),
        (np.array([1j, 2j]), [], "complex128"),
        ([[1], [1, 2]], [], "different lengths"),
        ([{"prediction": 1}, {"other": 1}], [], "different names"),
        ([np.zeros(2), np.zeros(2)], TWO, "rows or columns"),
        ({"prediction": [[1, 2], [3, 4]]}, [], "2 values a row"),
        (pd.Series(pd.interval_range(0, 2)), [], "declare its outputs"),
        (pd.DataFrame({"min": [1.0, 1.0], "max": [2.0, 2.0]}), TWO, "named min, max and none named low, high"),
        (pd.DataFrame({"low": [1.0, 1.0], "max": [2.0, 2.0]}), TWO, "none named high"),
        (pd.DataFrame([[1.0] * 3] * 2, columns=["low", "high", "low"]), TWO, "several columns named low"),
        (["1", "2"], typed("long"), "of type long in the signature, and the model gives string"),
        (np.array([1, 2], dtype="m8[s]"), typed("long"), "gives duration"),
        (["2024-01-01", "2024-01-02"], typed("datetime"), "gives string"),
    ],
)
def test_what_does_not_fit_is_told(result: object, outputs: list[Column], reason: str) -> None:
    with pytest.raises(PredictionShape, match=reason):
        to_table(result, outputs, 2)
