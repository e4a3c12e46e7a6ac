"""A text that several readers share gives what one gives wherever it is cut: rows, rejected lines and their numbers."""

import io
import random
from collections.abc import Sequence
from itertools import pairwise

import pytest

from chassis.sandbox.child import csv_cutting, range_reading
from chassis.sandbox.child.csv_dialect import CsvDialect
from chassis.sandbox.child.csv_ranges import ReadRange
from chassis.sandbox.child.csv_records import CsvReader
from chassis.sandbox.child.packing import pack_whole
from chassis.sandbox.child.range_reading import read_range
from services.executor.scoring.job import InputObject
from services.executor.scoring.ranges import Cut, settled
from services.executor.scoring.splits import CsvObject, CsvRange

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


def source_of(data: bytes) -> CsvObject:
    return CsvObject(InputObject(key="x.csv", etag="e", size_bytes=len(data)), b"", can_be_cut=True)


def read(data: bytes, part: CsvRange, block: int = 16) -> tuple[Found, int]:
    """What a task finds in a range, of which it has the very bytes; and how many records."""
    rows, rejected, raw = list[Row](), dict[int, tuple[str, str]](), memoryview(data)[part.start : part.end]
    blocks = (raw[at : at + block] for at in range(0, len(raw), block))
    reader = CsvReader(DIALECT, blocks, start=part.start, first=part.first)
    for one in reader.blocks():
        for position, row in enumerate(one.table.to_pylist()):
            rows.append((one.row_number(position), tuple(row.values())))
        for number, reason, text in zip(one.rejected.numbers, one.rejected.reasons, one.rejected.texts, strict=True):
            rejected[number] = reason, text
    return (rows, rejected), reader.records


def read_in_ranges(data: bytes, places: Sequence[int]) -> Found:
    """As several tasks would, after others have looked through it."""

    def look(cuts: Sequence[Cut]) -> list[ReadRange | None]:
        return [cut.read(memoryview(told(data, cut))) for cut in cuts]

    whole, edges = source_of(data), sorted({0, *places, len(data)})
    cuts = [Cut(whole, start, stop, known=start == 0) for start, stop in pairwise(edges)]
    [pieces] = settled([cuts], look)
    rows, rejected = list[Row](), dict[int, tuple[str, str]]()
    for piece in pieces:
        assert piece.part
        found, records = read(data, piece.part)
        assert records == piece.part.records
        rows += found[0]
        rejected |= found[1]
    return rows, rejected


def told(data: bytes, cut: Cut) -> bytes:
    found = read_range(io.BytesIO(data), DIALECT, start=cut.start, stop=cut.stop, known=cut.known)
    return pack_whole((found.start, found.end, found.records) if found else ())


@pytest.fixture(autouse=True)
def small_reads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(range_reading, "_PIECE_BYTES", 7)
    monkeypatch.setattr(range_reading, "_LOOK_BYTES", 3)


def check(seed: int, lines: int) -> int:
    chance = random.Random(seed)  # noqa: S311
    data = file_of(chance, lines)
    whole, _ = read(data, CsvRange(0, len(data), 1, None), block=chance.choice((1, 3, 1 << 20)))
    for cut in range(1, len(data)):
        assert read_in_ranges(data, [cut]) == whole, (seed, cut)
    cuts = [chance.randrange(1, len(data)) for _ in range(4)]
    assert read_in_ranges(data, cuts) == whole, (seed, cuts)
    assert read_in_ranges(data, range(len(data))) == whole, seed
    return len(data)


def test_two_readers_find_what_one_finds() -> None:
    assert sum(check(seed, 6) for seed in range(20)) > 300


def test_records_that_are_given_up_are_so_in_ranges_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(csv_cutting, "MAX_RECORD_BYTES", 12)
    assert sum(check(seed, 6) for seed in range(1_000_000, 1_000_020)) > 300


@pytest.mark.long
@pytest.mark.timeout(900)
@pytest.mark.parametrize("limit", [10, 20, csv_cutting.MAX_RECORD_BYTES])
def test_thousands_of_files_cut_everywhere(monkeypatch: pytest.MonkeyPatch, limit: int) -> None:
    monkeypatch.setattr(csv_cutting, "MAX_RECORD_BYTES", limit)
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
