"""A CSV is read in blocks of any size, and each of its records comes out once: as a row or as rejected."""

import csv
import io
import resource
from collections.abc import Iterator
from dataclasses import replace

import pyarrow as pa
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from chassis.sandbox.child.csv_dialect import CsvDialect
from chassis.sandbox.child.csv_records import CsvReader, CsvUnreadable

NAMES = ("a", "b")
DIALECT = CsvDialect(",", NAMES)
FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=6)


def read(data: bytes, block: int = 7, dialect: CsvDialect = DIALECT) -> tuple[list[list[str | None]], dict[int, str]]:
    blocks = (memoryview(data)[start : start + block] for start in range(0, len(data), block))
    rows: list[tuple[int, list[str | None]]] = []
    rejected: dict[int, str] = {}
    for one in CsvReader(dialect, blocks).blocks():
        for position, row in enumerate(one.table.to_pylist()):
            rows.append((one.row_number(position), [row[name] for name in NAMES]))
        for number, reason in zip(one.rejected.numbers, one.rejected.reasons, strict=True):
            assert number not in rejected
            rejected[number] = reason
    assert sorted([number for number, _ in rows] + list(rejected)) == list(range(1, len(rows) + len(rejected) + 1))
    return [row for _, row in rows], rejected


def test_rows_rejected_lines_and_their_numbers() -> None:
    data = b'a,b\n1,2\nonly\n3,"x\ny"\n1,2,3\n\xff,2\n5,6'
    rows, rejected = read(data)
    assert rows == [["1", "2"], ["3", "x\ny"], ["5", "6"]]
    assert rejected == {
        2: "1 fields instead of 2",
        4: "3 fields instead of 2",
        5: "no text in UTF-8 (or in UTF-16, with its mark)",
    }


def test_an_open_quote_at_the_end_costs_one_line() -> None:
    rows, rejected = read(b'a,b\n1,2\n3,"4\n5,6\n')
    assert rows == [["1", "2"], ["5", "6"]]
    assert rejected == {2: "a quote is never closed"}


def packed(data: bytes, codec: str) -> bytes:
    sink = pa.BufferOutputStream()
    with pa.CompressedOutputStream(sink, codec) as stream:
        stream.write(data)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("codec", ["gzip", "bz2", "zstd", "lz4"])
@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_several_packed_members_are_one_stream(codec: str, block: int) -> None:
    data = packed(b"a,b\n1,2\n", codec) + packed(b"3,4\n", codec)
    assert read(data, block)[0] == [["1", "2"], ["3", "4"]]


@pytest.mark.parametrize("codec", ["gzip", "bz2", "zstd", "lz4"])
def test_a_packed_file_that_has_been_cut_off_is_told(codec: str) -> None:
    whole = packed(b"a,b\n" + bytes(str(list(range(20_000))), "ascii"), codec)
    with pytest.raises(CsvUnreadable, match=f"no readable {codec} file"):
        read(whole[: len(whole) // 2])


def test_an_outage_while_unpacking_stays_one() -> None:
    def blocks() -> Iterator[memoryview]:
        yield memoryview(packed(b"a,b\n1,2\n", "gzip")[:12])
        raise LookupError("away")

    with pytest.raises(LookupError, match="away"):
        list(CsvReader(DIALECT, blocks()).blocks())


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_utf_16_is_known_by_its_mark(encoding: str, block: int) -> None:
    text = "\ufeffa,b\nZürich,1\n😀,2\n"
    assert read(text.encode(encoding), block) == ([["Zürich", "1"], ["😀", "2"]], {})
    lone = text.encode(encoding) + "x\ud800,3\ny,4\n".encode(encoding, "surrogatepass")
    rows, rejected = read(lone, block)
    assert (rows[-1], list(rejected)) == (["y", "4"], [3])


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
def test_another_charset_is_read_as_its_object_says(block: int) -> None:
    data = "a,b\nZürich,1\n".encode("cp1252") + b"\x81,2\n" + "5 €,3\n".encode("cp1252")
    rows, rejected = read(data, block, replace(DIALECT, charset="cp1252"))
    assert rows == [["Zürich", "1"], ["5 €", "3"]]
    assert rejected == {2: "no text in cp1252"}


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_a_line_of_blanks_counts_and_an_empty_one_does_not(block: int) -> None:
    rows, rejected = read(b"a,b\n \n\n\r\n1,2\n", block)
    assert (rows, rejected) == ([["1", "2"]], {1: "1 fields instead of 2"})


def test_a_header_alone_has_no_rows() -> None:
    assert read(b"a,b\n") == ([], {})
    assert read(b"\xef\xbb\xbfa,b") == ([], {})


@settings(max_examples=60)
@example([("", "\U0010fffe")], 1)
@given(st.lists(st.tuples(FIELD, FIELD), max_size=12), st.integers(1, 40))
def test_what_a_csv_writer_writes_is_read_back(records: list[tuple[str, str]], block: int) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(NAMES)
    writer.writerows(records)
    rows, rejected = read(text.getvalue().encode(), block)
    assert (rows, rejected) == ([list(record) for record in records], {})


@settings(max_examples=100)
@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_bytes_whatever_stop_the_reading(garbage: bytes, block: int) -> None:
    read(b"a,b\n" + garbage, block)


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_an_inch_mark_costs_no_row(block: int) -> None:
    data = b'a,b\n1,5" pipe\n2,plain\n3,"two\nlines"\n4,6" hose\n'
    assert read(data, block) == ([["1", '5" pipe'], ["2", "plain"], ["3", "two\nlines"], ["4", '6" hose']], {})


@pytest.mark.parametrize("rows", [0, 3, 200_000])
def test_a_ragged_line_is_one_rejected_row_wherever_it_stands(rows: int) -> None:
    found, rejected = read(b"a,b\n" + b"1,2\n" * rows + b"1\n2,3\n1,2,3\n4,5\n", 1 << 20)
    assert len(found) == rows + 2
    assert rejected == {rows + 1: "1 fields instead of 2", rows + 3: "3 fields instead of 2"}


@pytest.mark.parametrize("block", [1, 3, 1 << 20])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lines_end_as_they_do_on_any_machine(end: str, block: int) -> None:
    data = f'a,b{end}1,"x{end}y"{end}{end}2,z{end}3'.encode()
    assert read(data, block) == ([["1", f"x{end}y"], ["2", "z"]], {3: "1 fields instead of 2"})


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
@pytest.mark.parametrize("head", ["", "\ufeff", "\n\r\n", "\ufeffsep=;\r\n", "sep=;\n\n", '"sep=;"\n'])
def test_a_header_may_have_a_line_before_it(head: str, block: int) -> None:
    data = f"{head}a;b\n1;2\n".encode()
    assert read(data, block, replace(DIALECT, delimiter=";")) == ([["1", "2"]], {})


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_a_header_may_hold_a_line_end(block: int) -> None:
    assert read(b'a,"the ""b""\nof it"\n1,2\n', block) == ([["1", "2"]], {})


@pytest.mark.parametrize("block", [1, 4, 5, 1 << 20])
def test_a_mark_of_utf_8_further_down_is_a_character(block: int) -> None:
    assert read("a,b\n\ufeff1,2\n\ufeff3,4\n".encode(), block)[0] == [["\ufeff1", "2"], ["\ufeff3", "4"]]


def test_a_zero_byte_is_a_character() -> None:
    assert read(b"a,b\nnu\x00l,2\n") == ([["nu\x00l", "2"]], {})


def test_a_header_that_never_ends_is_told() -> None:
    with pytest.raises(CsvUnreadable, match="header line"):
        read(b'"a,b\n1,2\n')


@pytest.mark.parametrize("codec", ["gzip", "zstd"])
def test_a_packed_record_that_never_ends_takes_no_more_memory_than_another(codec: str) -> None:
    data = packed(b'a,b\n1,"' + bytes(200 << 20), codec)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    rows, rejected = read(data, 1 << 20)
    assert (rows, rejected) == ([], {1: "a quote is never closed"})
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 150 << 10
