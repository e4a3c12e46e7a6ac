"""What stands in a field is what pandas' `read_csv` makes of it, or its row is rejected in words that help."""

import io
import math
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pandas._libs.parsers import STR_NA_VALUES  # pyright: ignore[reportMissingImports]

from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.text import FALSE, MISSING, THOUSANDS, TRUE
from tests.models.reading import LOST, read_csv

_NUMBERS = """
    0 -0 +0 7 +5 -5 007 -007 1.5 .5 5. -.5 +.5 0.1 1e3 1E3 1e+3 1e-3 -1.5e10 3.0 3.50 2.00 2.0000 1000.000 0.000
    2147483647 2147483648 -2147483648 -2147483649 9223372036854775807 9223372036854775808 -9223372036854775808
    9007199254740993 9007199254740993.0 16777217 1e18 1e19 1e400 -1e400 1e-400 1.7976931348623157e308 5e-324 3.5e38
    123456789012345678901234567890 0.30000000000000004 2.2250738585072011e-308
"""
_OTHERS = """
    abc 1_000 0x10 0b1 0o7 1d 1f 1L 1..2 1.2.3 --1 +-1 e5 1e 1e5.5 . + - -- ? nan(3) 1.#INF NAN Nan none NONE na n.a.
    1,5 1.234,56 1,000 1,234.56 -1,5 2.000 12.000 1.234.567 10.000.000 1'000 €5 5€ $5.00 USD5 5% 12.5% (5) 5- ½ ١٢ ⅷ
    true yes t 1st 2024-01-02 12:30 #VALUE!
"""
NUMBERS, OTHERS, WORDS = _NUMBERS.split(), _OTHERS.split(), sorted(STR_NA_VALUES)
INFINITE = ["inf", "-inf", "+inf", "Inf", "INF", "infinity", "-Infinity"]
SPACED = ["1 000", "1\u00a0000", "1\u202f000", "5 €", "5 EUR", "5 %", "1 5", "- 5"]
TEXTS = [*NUMBERS, *WORDS, *INFINITE, *OTHERS, *SPACED]


def field(text: str) -> str:
    """Quoted, as pandas doesn't care."""
    return '"' + text.replace('"', '""') + '"'


def read(texts: list[str], kind: str, *, required: bool = False) -> tuple[list[Any], list[str]]:
    """Each text's value or `LOST`; and the reasons."""
    lines = "".join(f"{field(text)},1\n" for text in texts)
    found = read_csv(f"x,id\n{lines}".encode(), [Column("x", kind, required=required)])
    assert found.lines == {}
    return found["x"], list(found.reasons.values())


def pandas_of(text: str, **options: Any) -> pd.Series:
    return pd.read_csv(io.StringIO(f"x,id\n{field(text)},1\n"), float_precision="round_trip", **options)["x"]


def same(found: Any, wanted: Any) -> bool:
    return type(found) is type(wanted) and repr(found) == repr(wanted)


@pytest.mark.parametrize("text", TEXTS)
@pytest.mark.parametrize("kind", ["double", "long", "integer", "float"])
def test_a_number_is_the_one_that_pandas_reads(text: str, kind: str) -> None:
    [found], _ = read([text], kind)
    column = pandas_of(text)
    if text in STR_NA_VALUES:
        assert column.isna().all()
        assert found is None
    elif pd.api.types.is_bool_dtype(column) or not pd.api.types.is_numeric_dtype(column):
        # What is beyond its integers is text for pandas.
        assert found == (
            _as(kind, text, float(text))
            if kind in {"float", "double"} and text.isascii() and text.isdecimal()
            else LOST
        )
    else:
        wanted = _as(kind, text, column[0])
        assert same(found, wanted) or (text == "-0" and same(found, -0.0))


def _as(kind: str, text: str, value: Any) -> Any:
    """Of pandas' number, by arithmetic without limits."""
    if kind in {"integer", "long"}:
        limit = 1 << (31 if kind == "integer" else 63)
        try:
            exact = Decimal(text)
        except InvalidOperation:
            return LOST
        whole = exact.is_finite() and exact == int(exact) and not THOUSANDS.fullmatch(text)
        return int(exact) if whole and -limit <= exact < limit else LOST
    number = float(value)
    if math.isinf(number) and "inf" not in text.lower():
        return LOST
    narrow = float(pd.Series([number]).astype("float32" if kind == "float" else "float64")[0])
    return LOST if math.isinf(narrow) and not math.isinf(number) else narrow


@pytest.mark.parametrize("text", [*TEXTS, " NA", "x y", "a,b", 'say "no"', "two\nlines", "é"])
@pytest.mark.parametrize("kind", ["string", "binary"])
def test_a_text_is_the_one_that_pandas_reads(text: str, kind: str) -> None:
    [found], _ = read([text], kind)
    [wanted] = pandas_of(text, dtype=str)
    assert found == (None if isinstance(wanted, float) else wanted.encode() if kind == "binary" else wanted)


def test_the_words_for_missing_values_are_those_of_pandas() -> None:
    assert MISSING == STR_NA_VALUES


@pytest.mark.parametrize(
    "text", [*TRUE, *FALSE, "True", "FALSE", "Yes", "no", "T", "F", *WORDS, "y", "on", "2", "1.0", "wahr", "x"]
)
def test_a_boolean_is_the_one_that_pandas_reads_or_a_plain_word(text: str) -> None:
    [found], _ = read([text], "boolean")
    column = pandas_of(text)
    if pd.api.types.is_bool_dtype(column):
        assert found is bool(column[0])
    elif column.isna().all():
        assert found is None
    else:
        words = {**dict.fromkeys(TRUE, True), **dict.fromkeys(FALSE, False)}
        assert found == words.get(text.lower(), LOST)


_DATES = """
    2024-01-02 2024-02-29 2023-02-29 2024-13-01 2024-01-02T03 2024-01-02T03:04 2024-01-02T03:04:05 2024-01-02T03:04:05.1
    2024-01-02T03:04:05.123456 2024-01-02T03:04:05.123456789 2024-01-02T03:04:05.1234567891 2024-01-02T03:04:05Z
    2024-01-02T03:04:05+02:00 2024-01-02T03:04:05-0530 2024-01-02T03:04:05+02 2024-01-02T24:00:00 2024-01-02T03:04:60
    20240102 20241301 1677-09-21T00:12:43.145224193 1677-09-21T00:12:43.145224192 1677-09-20 2262-04-11 2262-04-12
    2262-04-11T23:47:16.854775807 2262-04-11T23:47:16.854775808 2262-04-11T23:47:16.854775807+00:01 0001-01-01
    9999-12-31 1969-12-31T23:59:59.999999999 2024-01-02T03:04:05.5+23:59 2024-01-02T03:04+99:00
"""
_NO_DATES = """
    02/01/2024 1/2/24 02.01.2024 2.1.2024 2024/01/02 2024.01.02 2024-1-2 Jan-2-2024 2-Jan-24 1704164645 45293 45293.5
    2024-W01-1 2024-002 24-01-02 2024 2024-01 202401 today now T10:00 10:00 2024-01-02T 2024-01-02T3:04 2024-01-02Z
"""
DATES, NO_DATES = _DATES.split(), _NO_DATES.split()


@pytest.mark.parametrize("text", [*DATES, *[each.replace("T", " ") for each in DATES if "T" in each]])
def test_a_time_is_the_one_that_pandas_reads(text: str) -> None:
    [found], _ = read([text], "datetime")
    try:
        wanted = pd.to_datetime([text], format="ISO8601", utc=True).as_unit("ns").asi8[0]
    except ValueError:
        wanted = None
    beyond = re.search(r"\.[0-9]{10}", text)
    assert found == (LOST if wanted is None or beyond or wanted == pd.NaT._value else wanted)


@pytest.mark.parametrize("text", [*NO_DATES, "2024-01-02 10:00 PM", "2 January 2024", "٢٠٢٤-٠١-٠٢"])
def test_what_is_no_iso_time_is_rejected_and_says_so(text: str) -> None:
    [found], [reason] = read([text], "datetime")
    assert found == LOST
    assert "ISO 8601" in reason or text.startswith("2024-01-02")


@pytest.mark.parametrize("word", [*WORDS, "NaT"])
def test_a_missing_time_has_no_value(word: str) -> None:
    assert read([word], "datetime") == ([None], [])


KINDS = ["double", "float", "long", "integer", "boolean", "datetime", "string"]
BESIDE = st.sampled_from([*TEXTS, *DATES, *NO_DATES, " 5 ", "\t7", "1.5 ", ""])
ODD = st.text(st.sampled_from("0123456789.,+-eExXnaNA_% T:Z-"), max_size=12)


@settings(max_examples=300, deadline=None)
@given(st.lists(BESIDE | ODD, min_size=2, max_size=8), st.sampled_from(KINDS))
@example(["0x10", "5"], "long")
@example(["2024-01-02T03:04:05.123456789", "20240102"], "datetime")
@example(["0.1", "abc"], "float")
def test_a_value_does_not_depend_on_what_stands_beside_it(texts: list[str], kind: str) -> None:
    together, _ = read(texts, kind)
    alone = [read([text], kind)[0][0] for text in texts]
    assert [pair for pair in zip(together, alone, texts, strict=True) if not same(*pair[:2])] == []


@settings(max_examples=300, deadline=None)
@given(ODD, st.sampled_from(["double", "long", "integer", "float"]))
def test_any_text_is_the_number_that_pandas_reads(text: str, kind: str) -> None:
    stripped = text.strip(" \t")
    if stripped in STR_NA_VALUES:
        return
    test_a_number_is_the_one_that_pandas_reads(stripped, kind)


@settings(max_examples=200, deadline=None)
@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_comes_back_from_its_text(number: float) -> None:
    for text in (repr(number), f"{number:.17g}", f"{number:+.17e}"):
        assert same(read([text], "double")[0][0], number)


@pytest.mark.parametrize(
    ("kind", "texts", "part"),
    [
        ("long", ["2.000", "12.000", "-1.000", "1.234.567", "1'000", "1 000", "1_000", "1\u00a0000"], "thousands"),
        ("double", ["1.234.567", "1'000", "1 000", "1\u202f000"], "thousands"),
        ("double", ["1,5", "1.234,56", "-1,5", "1,000", "1,234.56", "1 000,5"], "comma"),
        ("long", ["1,5", "1,000"], "comma"),
        ("double", ["€5", "5€", "5 €", "$5.00", "USD5", "5 EUR", "1.234,56 €"], "currency"),
        ("double", ["5%", "12.5 %", "1,5%"], "percent"),
        ("double", ["(5)", "5-"], "minus"),
        ("long", ["0x10", "0b1"], "decimal"),
        ("double", ["-", "--", "?", ".", "n.a.", "#VALUE!", "#DIV/0!", "none"], "leave the field empty"),
        ("datetime", ["-", "#REF!", "unknown"], "leave the field empty"),
        ("boolean", ["-", "void"], "leave the field empty"),
        ("long", ["3.5", "9223372036854775808", "1e30"], "can't be read as long without loss"),
        ("integer", ["2147483648"], "can't be read as integer without loss"),
        ("double", ["1e400"], "can't be read as double without loss"),
        ("boolean", ["maybe", "2", "y"], "true, t, yes, 1"),
        ("double", ["abc", "x" * 100, "1" + "x" * 100], "can't be read as double"),
        ("datetime", ["02/01/2024", "1704164645", "soon"], "ISO 8601"),
        ("datetime", ["2024-02-30", "3000-01-01", "2024-01-02T03:04:05.1234567891"], "1677 to 2262"),
    ],
)
def test_a_reason_says_what_to_change_and_never_the_value(kind: str, texts: list[str], part: str) -> None:
    found, reasons = read(texts, kind)
    assert found == [LOST] * len(texts)
    assert [reason for reason in reasons if part not in reason] == []
    assert not any(text in reason for text, reason in zip(texts, reasons, strict=True) if len(text) > 3)


@pytest.mark.parametrize("kind", KINDS)
def test_where_a_value_is_required_a_word_for_none_is_told(kind: str) -> None:
    found, reasons = read(["NA", "", "null"], kind, required=True)
    word = "a word for a missing value, such as NA, where a value is required"
    assert (found, reasons) == ([LOST] * 3, [word, "null where a value is required", word])
    assert read(["NA", "", "null"], kind) == ([None] * 3, [])


@pytest.mark.parametrize("kind", ["double", "float"])
def test_where_a_value_is_required_an_infinite_one_is_told(kind: str) -> None:
    assert read(["inf", "-Infinity"], kind, required=True) == ([LOST] * 2, ["not a finite number"] * 2)


@pytest.mark.parametrize(("kind", "value"), [("long", 5), ("double", 5.0), ("boolean", None), ("datetime", None)])
def test_blanks_around_all_but_texts_do_not_count(kind: str, value: Any) -> None:
    around = {"boolean": ("true", True), "datetime": ("2024-01-02", 1_704_153_600 * 10**9)}
    text, wanted = around.get(kind, ("5", value))
    assert read([f" {text}", f"{text}\t", f"  {text}  ", "  "], kind)[0] == [wanted, wanted, wanted, None]
    assert read([" 5 "], "string")[0] == [" 5 "]
