"""Records, fields and headers are those that the csv module and pandas find, in every dialect that there is."""

import bz2
import csv
import gzip
import io
import itertools
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.csv_dialect import CsvDialect, HeaderUnreadable, charset_of, header_of
from chassis.sandbox.child.csv_records import CsvReader, CsvUnreadable
from chassis.sandbox.child.csv_schema import read_beginning
from chassis.sandbox.child.described import SchemaUnreadable
from tests.models.reading import read_csv

Rows = list[list[str]]


def read(data: bytes, *, content_type: str | None = None, block: int = 7) -> tuple[tuple[str, ...], Rows, list[int]]:
    """Names, rows (a null is an empty text), and the numbers of lines that are no rows."""
    charset = charset_of(content_type)
    header = header_of(data, charset)
    blocks = (memoryview(data)[at : at + block] for at in range(0, len(data), block))
    rows, rejected = list[tuple[int, list[str]]](), list[int]()
    for one in CsvReader(CsvDialect(header.delimiter, header.names, charset), blocks).blocks():
        for position, row in enumerate(zip(*(column.to_pylist() for column in one.table.columns), strict=True)):
            rows.append((one.row_number(position), [value or "" for value in row]))
        rejected += one.rejected.numbers
    assert sorted([*(number for number, _ in rows), *rejected]) == list(range(1, len(rows) + len(rejected) + 1))
    return header.names, [row for _, row in rows], sorted(rejected)


def by_csv(text: str, delimiter: str) -> tuple[tuple[str, ...], Rows, list[int]]:
    """The same by the standard library."""
    records = [each for each in csv.reader(io.StringIO(text, newline=""), delimiter=delimiter) if each]
    names, rows = tuple(records[0]), records[1:]
    right = [row for row in rows if len(row) == len(names)]
    return names, right, [number for number, row in enumerate(rows, 1) if len(row) != len(names)]


FIELD = st.text(st.sampled_from("ab1 ,;|\t\"\n\r'\\é"), max_size=5)
NAME = st.sampled_from(["a", "b c", 'd"e', "f;g", "h,i", "line\nend", "é"])


@st.composite
def files(draw: st.DrawFn) -> tuple[str, str]:
    """A text that a csv writer wrote, with lines of other lengths among them; and its delimiter."""
    delimiter = draw(st.sampled_from(",;\t|"))
    width, out = draw(st.integers(2, 4)), io.StringIO(newline="")
    quoting = draw(st.sampled_from([csv.QUOTE_ALL, csv.QUOTE_MINIMAL, csv.QUOTE_NONNUMERIC]))
    end = draw(st.sampled_from(["\n", "\r\n", "\r"]))
    writer = csv.writer(out, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerow(draw(st.lists(NAME, min_size=width, max_size=width, unique=True)))
    for _ in range(draw(st.integers(0, 6))):
        length = draw(st.sampled_from([width, width, width, width - 1, width + 1]))
        writer.writerow(draw(st.lists(FIELD, min_size=length, max_size=length)))
        if draw(st.integers(0, 5)) == 0:
            out.write(end)
    text = out.getvalue()
    return (text.removesuffix(end) if draw(st.booleans()) else text), delimiter


@settings(max_examples=250, deadline=None)
@given(files(), st.integers(1, 30))
def test_what_a_writer_wrote_is_what_the_csv_module_reads(made: tuple[str, str], block: int) -> None:
    text, delimiter = made
    data = f"sep={delimiter}\n{text}".encode()
    assert read(data, block=block) == by_csv(text, delimiter)


RAW = st.lists(st.sampled_from(['"', '""', ",", "\n", "\r\n", "\r", "a", " ", '5"', "é"]), max_size=30).map("".join)


@settings(max_examples=400, deadline=None)
@given(RAW, st.integers(1, 30))
def test_what_nobody_wrote_is_read_as_the_csv_module_reads_it(body: str, block: int) -> None:
    """But for quotes that are never closed, of which that makes one field to the end."""
    text = f"a,b\n{body}"
    found = read(text.encode(), block=block)
    if list(csv.reader(io.StringIO(text + '\n"",""\n', newline="")))[-1:] == [["", ""]]:
        assert found == by_csv(text, ",")


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.text(max_size=8), st.text(max_size=8)), min_size=1, max_size=10), st.sampled_from(",;\t|"))
def test_what_pandas_wrote_is_what_pandas_reads(records: list[tuple[str, str]], delimiter: str) -> None:
    frame = pd.DataFrame(records, columns=["x", "y"]).replace({"\r": " ", "\x00": " "}, regex=True)
    text = frame.to_csv(index=False, sep=delimiter)
    wanted = pd.read_csv(io.StringIO(text), sep=delimiter, dtype=str)
    found = read_csv(text.encode(), [Column("x", "string", required=False), Column("y", "string", required=False)])
    assert found.lines == {}
    for name in ("x", "y"):
        assert found[name] == [None if isinstance(value, float) else value for value in wanted[name]]


CODECS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "bz2": bz2.compress,
    "two members": lambda data: gzip.compress(data[:9]) + gzip.compress(data[9:]),
    "zstd": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}
CHARSETS = {
    "utf-8": None,
    "utf-8-sig": None,
    "utf-16": None,
    "utf-32": None,
    "utf-16-be": "text/csv; charset=utf-16be",
    "cp1252": "text/csv; charset=windows-1252",
    "iso8859-15": "text/csv; charset=ISO-8859-15",
    "cp1250": "text/csv; charset=windows-1250",
    "shift_jis": "text/csv; charset=Shift_JIS",
    "gb18030": "text/csv; charset=gb18030",
}
HEADS = ["", "\n", "\r\n\r\n", "sep={}\r\n", "sep={}\n\n", '"sep={}"\n']


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("charset", CHARSETS)
def test_rows_are_the_same_in_every_dialect(delimiter: str, end: str, charset: str) -> None:
    accents = {"shift_jis": "数量", "gb18030": "数量", "cp1250": "źó"}.get(charset, "ü5")
    rows = [["1", f"{accents} x"], ["2", f'two{end}lines and a ""quote""'], ["3", '5"'], ["", "-"]]
    lines = [
        f"id{delimiter}{accents}",
        *(f'{one}{delimiter}"{two}"' if end in two else f"{one}{delimiter}{two}" for one, two in rows),
    ]
    wanted = [[one, two.replace('""', '"')] for one, two in rows]
    for head, codec in itertools.product(HEADS, CODECS):
        text = head.format(delimiter) + end.join(lines) + end
        found = read(CODECS[codec](text.encode(charset)), content_type=CHARSETS[charset], block=50)
        assert found == (("id", accents), wanted, []), (head, codec)


@pytest.mark.parametrize("rows", [0, 1, 1_000, 250_000])
def test_a_ragged_line_is_one_rejected_row_wherever_it_stands(rows: int) -> None:
    good = b"".join(b"%d,%d\n" % (number, number) for number in range(rows))
    bad = b"1\n1,2,3\n# a comment\n\xff,1\n7,8,\n"
    data = b"id,x\n" + good + bad + b"5,6\n"
    found = read_csv(data, [Column("x", "long")])
    assert found.lines == {
        rows + 1: "1 fields instead of 2",
        rows + 2: "3 fields instead of 2",
        rows + 3: "1 fields instead of 2",
        rows + 4: "no text in UTF-8 (or in UTF-16, with its mark)",
        rows + 5: "3 fields instead of 2",
    }
    assert found["x"] == [*range(rows), 6]
    assert read_beginning(data[: 1 << 20], whole=len(data) <= 1 << 20, content_type=None).types == ("long", "long")


def test_trailing_delimiters_in_every_line_are_a_column_without_a_name() -> None:
    with pytest.raises(SchemaUnreadable, match="column 3 has no name"):
        read_beginning(b"id,x,\n1,2,\n", whole=True, content_type=None)


def test_a_backslash_quotes_nothing() -> None:
    assert read(b'a,b\n"x\\",1\n"say \\"no\\"",2\n') == (("a", "b"), [["x\\", "1"], ['say \\no\\""', "2"]], [])
    assert by_csv('a,b\n"x\\",1\n"say \\"no\\"",2\n', ",")[1] == [["x\\", "1"], ['say \\no\\""', "2"]]


def test_what_a_quote_leaves_open_costs_one_row() -> None:
    lines = [b"%d,plain" % number for number in range(1_000)]
    lines[500] = b'500,"5 inch pipe'
    data = b"id,note\n" + b"\n".join(lines) + b"\n"
    found = read_csv(data, [Column("id", "long")], block=100)
    assert found.lines == {501: "a quote is never closed"}
    assert found["id"] == [number for number in range(1_000) if number != 500]


@pytest.mark.parametrize("size", [1 << 20, 8 << 20])
def test_a_long_field_is_kept_whole(size: int) -> None:
    long = b"word,\n" * (size // 6)
    data = b'id,big\n1,"' + long + b'"\n2,small\n'
    found = read_csv(data, [Column("big", "binary"), Column("id", "long")])
    assert found["big"] == [long, b"small"]
    assert found["id"] == [1, 2]


def test_a_zero_byte_in_a_field_is_kept_and_in_a_header_told() -> None:
    assert read(b"a,b\n1,nu\x00l\n") == (("a", "b"), [["1", "nu\x00l"]], [])
    with pytest.raises(HeaderUnreadable, match="UTF-16"):
        read("a,b\n1,2\n".encode("utf-16-le"))


@pytest.mark.parametrize(
    ("data", "names"),
    [
        (b"id;x\n1;2\n", ("id", "x")),
        (b'"a;b";c\n', ("a;b", "c")),
        (b"a\n1\n", ("a",)),
        (b" a , b \n", (" a ", " b ")),
        (b"a,b", ("a", "b")),
        (b'"",b\n', ("", "b")),
        (b'\xef\xbb\xbf"a",b\n', ("a", "b")),
    ],
)
def test_a_header_is_the_line_that_the_csv_module_reads(data: bytes, names: tuple[str, ...]) -> None:
    assert read(data)[0] == names


@pytest.mark.parametrize(
    ("texts", "kind"),
    [
        (["1", "2", ""], "long"),
        (["1", "2.5", "NA"], "double"),
        (["1", "2.000"], "double"),
        (["inf", "1"], "double"),
        (["true", "no"], "boolean"),
        (["2024-01-02", "NaT"], "string"),
        (["2024-01-02", "2024-01-02T03:04:05Z", ""], "datetime"),
        (["1,5", "2"], "string"),
        (["abc", "1"], "string"),
        (["9223372036854775808"], "double"),
        (["20240102"], "long"),
        (["NA", "", "null"], None),
        ([], None),
    ],
)
def test_a_column_is_of_the_narrowest_type_that_its_first_rows_can_be_read_as(
    texts: list[str], kind: str | None
) -> None:
    lines = "".join(f'"{text}",\n' for text in texts)
    assert read_beginning(f"x,y\n{lines}".encode(), whole=True, content_type=None).types == (kind, None)


@pytest.mark.parametrize(
    "data",
    [
        b"a,a\n1,2\n",
        b",b\n",
        b"\xff\xff\n",
        b"a\x00,b\n",
        b"",
        b"\n\n",
        b'"a,b\n1,2\n',
        b"PAR1\x15\x04\x15\x00\xff",
        b"\x1f\x8bnothing",
    ],
)
def test_what_has_no_header_is_told(data: bytes) -> None:
    with pytest.raises(SchemaUnreadable):
        read_beginning(data, whole=True, content_type=None)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=120), st.integers(1, 40))
def test_no_bytes_whatever_stop_a_reader(garbage: bytes, block: int) -> None:
    data: Any = b"a,b\n" + garbage
    read(data, block=block)
    for whole in (data, garbage):
        try:
            read_beginning(whole, whole=True, content_type=None)
            read(whole, block=block)
        except (SchemaUnreadable, HeaderUnreadable, CsvUnreadable):
            pass
