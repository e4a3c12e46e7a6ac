"""A CSV is read in blocks of any size, and each of its records comes out once: as a row or as rejected."""

import csv
import gzip
import io

from hypothesis import given, settings
from hypothesis import strategies as st

from services.executor.scoring.csv_records import CsvReader
from services.executor.scoring.job import InputObject
from services.executor.scoring.splits import CsvObject

NAMES = ("a", "b")
SOURCE = CsvObject(InputObject(key="x.csv", etag="e", size_bytes=1), ",", NAMES)
FIELD = st.text(st.characters(codec="utf-8", exclude_characters="\x00\r"), max_size=6)


def read(data: bytes, block: int = 7) -> tuple[list[list[str | None]], dict[int, str]]:
    blocks = (memoryview(data)[start : start + block] for start in range(0, len(data), block))
    rows: list[tuple[int, list[str | None]]] = []
    rejected: dict[int, str] = {}
    for one in CsvReader(SOURCE, blocks).blocks():
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
    assert rejected == {2: "1 fields instead of 2", 4: "3 fields instead of 2", 5: "not UTF-8"}


def test_an_open_quote_at_the_end_costs_one_line() -> None:
    rows, rejected = read(b'a,b\n1,2\n3,"4\n5,6\n')
    assert rows == [["1", "2"], ["5", "6"]]
    assert rejected == {2: "a quote is never closed"}


def test_several_gzip_members_are_one_stream() -> None:
    data = gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n")
    assert read(data)[0] == [["1", "2"], ["3", "4"]]


def test_a_header_alone_has_no_rows() -> None:
    assert read(b"a,b\n") == ([], {})
    assert read(b"\xef\xbb\xbfa,b") == ([], {})


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(FIELD, FIELD), max_size=12), st.integers(1, 40))
def test_what_a_csv_writer_writes_is_read_back(records: list[tuple[str, str]], block: int) -> None:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n", quoting=csv.QUOTE_ALL)
    writer.writerow(NAMES)
    writer.writerows(records)
    rows, rejected = read(text.getvalue().encode(), block)
    assert (rows, rejected) == ([list(record) for record in records], {})


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200), st.integers(1, 50))
def test_no_bytes_whatever_stop_the_reading(garbage: bytes, block: int) -> None:
    read(b"a,b\n" + garbage.removeprefix(b"\x1f\x8b"), block)
