"""A text that several readers share gives what one gives wherever it is cut: rows, rejected lines and their numbers."""

import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.sandbox.child import csv_counting, csv_cutting
from chassis.sandbox.child.csv_counting import Fetch, behind_line, count_range, likely_start
from chassis.sandbox.child.csv_dialect import CsvDialect, read_header
from chassis.sandbox.child.csv_ranges import ReadRange
from chassis.sandbox.child.csv_records import CsvReader
from chassis.sandbox.child.packing import pack_whole
from services.executor.scoring.job import InputObject
from services.executor.scoring.likely_ranges import Begin
from services.executor.scoring.ranges import Cut, settled
from services.executor.scoring.splits import CsvObject, CsvRange
from tests.models.test_csv_dialects import files

DIALECT = CsvDialect(",", ("a", "b"))
FIELDS = (
    "",
    "1",
    "x",
    '5" pipe',
    '"q"',
    '""',
    '"two\nlines"',
    '"a ""b"""',
    '"c,d"',
    '"open',
    'x"',
    "é",
    "\xff",
    '"\r\n"',
)
LINE_ENDS = ("\n", "\n", "\n", "\r\n", "\r", "\n\n")
Row = tuple[int, tuple[str | None, ...]]
Found = tuple[list[Row], dict[int, tuple[str, str]]]


def file_of(chance: random.Random, lines: int) -> bytes:
    """Records good and bad; `\xff` is no UTF-8."""
    text = (
        chance.choice(("", "", "\ufeff", "\n", "sep=,\n")) + chance.choice(("a,b", '"a",b')) + chance.choice(LINE_ENDS)
    )
    for _ in range(chance.randrange(lines)):
        text += ",".join(chance.choices(FIELDS, k=chance.choice((2, 2, 2, 2, 1, 3)))) + chance.choice(LINE_ENDS)
    text = text if chance.random() < 0.7 else text.rstrip("\r\n")
    return text.encode("utf-8").replace("\xff".encode(), b"\xff")


def object_of(data: bytes, dialect: CsvDialect = DIALECT) -> CsvObject:
    source = InputObject(key="x.csv", etag="e", size_bytes=len(data))
    return CsvObject(source, dialect.to_bytes(), part=CsvRange(0, len(data), 1, None))


def read(data: bytes, piece: CsvObject, block: int = 16) -> tuple[Found, CsvReader]:
    """What a task finds in a range, of which it has the very bytes; and the reader that is at its end."""
    rows, rejected, part = list[Row](), dict[int, tuple[str, str]](), piece.part
    assert part
    raw = memoryview(data)[part.start : part.end]
    blocks = (raw[at : at + block] for at in range(0, len(raw), block))
    reader = CsvReader(CsvDialect.from_bytes(memoryview(piece.dialect)), blocks, start=part.start, first=part.first)
    for one in reader.blocks():
        for position, row in enumerate(one.table.to_pylist()):
            rows.append((one.row_number(position), tuple(row.values())))
        for number, reason, text in zip(one.rejected.numbers, one.rejected.reasons, one.rejected.texts, strict=True):
            rejected[number] = reason, text
    return (rows, rejected), reader


def read_in_ranges(data: bytes, whole: CsvObject, places: Sequence[int]) -> Found:
    """As several tasks would, after others have looked through it."""

    def look(cuts: Sequence[Cut]) -> list[ReadRange | None]:
        return [cut.read(memoryview(told(data, cut))) for cut in cuts]

    edges = sorted({0, *places, len(data)})
    cuts = [Cut(whole, start, stop, known=start == 0) for start, stop in pairwise(edges)]
    [pieces] = settled([cuts], look)
    rows, rejected = list[Row](), dict[int, tuple[str, str]]()
    for piece in pieces:
        found, reader = read(data, piece)
        assert piece.part
        assert reader.records == piece.part.records
        rows += found[0]
        rejected |= found[1]
    return rows, rejected


def read_at_once(data: bytes, whole: CsvObject, places: Sequence[int], *, begin: Begin) -> Found | None:
    """As several tasks would that nobody has looked ahead for; None where what came of them doesn't prove it right."""
    edges = sorted({*places, len(data)} - {0})
    starts = {begin(Cut(whole, start, stop, known=False)) for start, stop in pairwise(edges)} - {None}
    rows, rejected, before = list[Row](), dict[int, tuple[str, str]](), 0
    for start, end in pairwise(sorted({0, *(each for each in starts if each is not None), len(data)})):
        (some, others), reader = read(data, replace(whole, part=CsvRange(start, end, 1, None)))
        rows += [(number + before, row) for number, row in some]
        rejected |= {number + before: why for number, why in others.items()}
        before += reader.records
        if end < len(data) and not reader.ends_with_a_record:
            return None
    return rows, rejected


def anywhere(data: bytes) -> Begin:
    """Behind any line's end."""

    def begin(cut: Cut) -> int | None:
        found = behind_line(fetching(data), cut.start, cut.stop)
        return found if found is not None and found < cut.stop else None

    return begin


def likely(data: bytes) -> Begin:
    """Where a row seems to begin."""

    def begin(cut: Cut) -> int | None:
        found = likely_start(fetching(data), DIALECT, cut=cut.start, stop=cut.stop)
        return cut.begun(memoryview(pack_whole(() if found is None else (found,))))

    return begin


def fetching(data: bytes) -> Fetch:
    def fetch(start: int, end: int) -> memoryview:
        assert 0 <= start < end <= len(data)
        return memoryview(data)[start:end]

    return fetch


def told(data: bytes, cut: Cut) -> bytes:
    dialect, fetch = CsvDialect.from_bytes(memoryview(cut.whole.dialect)), fetching(data)
    found = count_range(fetch, len(data), dialect, start=cut.start, stop=cut.stop, known=cut.known)
    return pack_whole((found.start, found.end, found.records) if found else ())


@pytest.fixture(autouse=True)
def small_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_counting, "_PIECE_BYTES", 7)
    monkeypatch.setattr(csv_counting, "_BLOCK_BYTES", 5)
    monkeypatch.setattr(csv_counting, "_LOOK_BYTES", 3)


def check(seed: int, lines: int) -> int:
    chance = random.Random(seed)  # noqa: S311
    data = file_of(chance, lines)
    whole = object_of(data)
    found, _ = read(data, whole, block=chance.choice((1, 3, 1 << 20)))
    for cut in range(1, len(data)):
        assert read_in_ranges(data, whole, [cut]) == found, (seed, cut)
    cuts = [chance.randrange(1, len(data)) for _ in range(4)]
    assert read_in_ranges(data, whole, cuts) == found, (seed, cuts)
    assert read_in_ranges(data, whole, range(len(data))) == found, seed
    return len(data)


def check_at_once(seed: int, lines: int) -> tuple[int, int]:
    """How many cuts were proven right, and how many not: never is one proven that gives something else."""
    chance = random.Random(seed)  # noqa: S311
    data = file_of(chance, lines)
    whole = object_of(data)
    found, _ = read(data, whole)
    cuts = [[cut] for cut in range(1, len(data))] + [[chance.randrange(1, len(data)) for _ in range(4)]]
    tried = [
        read_at_once(data, whole, places, begin=begin) for places in cuts for begin in (anywhere(data), likely(data))
    ]
    proven = [each for each in tried if each is not None]
    assert all(each == found for each in proven), seed
    return len(proven), len(tried) - len(proven)


def test_ranges_that_are_read_at_once_are_right_or_known_to_be_wrong() -> None:
    right, wrong = map(sum, zip(*(check_at_once(seed, 7) for seed in range(60)), strict=True))
    assert right > 2_000
    assert wrong > 200


def test_records_that_are_given_up_are_so_in_ranges_read_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_cutting, "MAX_RECORD_BYTES", 12)
    right, wrong = map(sum, zip(*(check_at_once(seed, 7) for seed in range(60)), strict=True))
    assert right > 2_000
    assert wrong > 100


def test_a_row_seems_to_begin_where_it_has_the_headers_fields() -> None:
    data = b'a,b\n1,"of\nmany\nlines"\n2,3\n4,5\n'
    begins = likely(data)
    whole = object_of(data)
    # Within the text of many lines no line has two fields.
    assert [begins(Cut(whole, cut, len(data), known=False)) for cut in (5, 10, 15, 16, 22)] == [
        None,
        None,
        None,
        22,
        22,
    ]
    assert begins(Cut(whole, 23, 26, known=False)) is None


def test_two_readers_find_what_one_finds() -> None:
    assert sum(check(seed, 6) for seed in range(20)) > 300


def test_records_that_are_given_up_are_so_in_ranges_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_cutting, "MAX_RECORD_BYTES", 12)
    assert sum(check(seed, 6) for seed in range(1_000_000, 1_000_020)) > 300


@settings(deadline=None, max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(files(), st.lists(st.integers(1, 400), max_size=6))
def test_what_a_csv_writer_wrote_is_read_in_ranges(file: tuple[str, str], cuts: list[int]) -> None:
    data = file[0].encode()
    header = read_header(data)
    whole = object_of(data, CsvDialect(header.delimiter, header.names))
    found, _ = read(data, whole, block=1 << 20)
    assert read_in_ranges(data, whole, [cut for cut in cuts if cut < len(data)]) == found
    assert read_in_ranges(data, whole, range(len(data))) == found


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("limit", [10, 20, csv_cutting.MAX_RECORD_BYTES])
def test_thousands_of_files_cut_everywhere(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(csv_cutting, "MAX_RECORD_BYTES", limit)
    assert sum(check_at_once(seed, 8)[0] for seed in range(5_000_000, 5_002_000)) > 50_000
    assert sum(check(seed, 7) for seed in range(2_000_000, 2_000_400)) > 10_000


def stretches(data: bytes, start: int, stop: int | None, block: int = 7) -> tuple[list[tuple[int, bytes, str]], int]:
    """Where each stretch that was given up lies; and where the range ends."""
    cutter = csv_cutting.Cutter(",", start=start, stop=stop)
    at, found, rest = start, list[tuple[int, bytes, str]](), data[start:]
    for each in cutter.cut(rest[begin : begin + block] for begin in range(0, len(rest), block)):
        if each.reason:
            found.append((at, each.text, each.reason))
        at = cutter.position
    return found, cutter.position


def check_cuts(seed: int, lines: int) -> int:
    """Without parsing: the records of ranges are those of the whole, and so are those that are given up."""
    chance = random.Random(seed)  # noqa: S311
    data = file_of(chance, lines)
    whole, _ = stretches(data, 0, None, block=1 << 20)
    for cut in range(1, len(data)):
        found, end = stretches(data, 0, cut)
        assert end >= cut
        rest, last = stretches(data, end, None)
        assert (found + rest, last) == (whole, len(data)), (seed, cut)
    return len(data)


@pytest.mark.parametrize("limit", [12, csv_cutting.MAX_RECORD_BYTES])
def test_ranges_end_with_records(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(csv_cutting, "MAX_RECORD_BYTES", limit)
    assert sum(check_cuts(seed, 8) for seed in range(3_000_000, 3_000_060)) > 800


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("limit", [9, 14, 25, csv_cutting.MAX_RECORD_BYTES])
def test_ranges_of_ten_thousands_of_files_end_with_records(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(csv_cutting, "MAX_RECORD_BYTES", limit)
    assert sum(check_cuts(seed, 8) for seed in range(4_000_000, 4_005_000)) > 100_000
