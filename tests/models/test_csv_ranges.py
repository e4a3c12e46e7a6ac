"""A text that several readers share gives what one gives wherever it is cut: rows, rejected lines and their numbers."""

import random
from collections.abc import Sequence

import pytest

from chassis.sandbox.child import csv_cutting
from chassis.sandbox.child.csv_dialect import CsvDialect
from chassis.sandbox.child.csv_ranges import ReadRange, assumed_start, proven
from chassis.sandbox.child.csv_records import CsvReader

NAMES = ("a", "b")
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


def read(data: bytes, start: int, stop: int | None, base: int = 0, block: int = 16) -> tuple[Found, ReadRange]:
    rows, rejected = list[Row](), dict[int, tuple[str, str]]()
    blocks = (memoryview(data)[at : at + block] for at in range(start, len(data), block))
    reader = CsvReader(CsvDialect(",", NAMES), blocks, start=start, stop=stop)
    for one in reader.blocks():
        for position, row in enumerate(one.table.to_pylist()):
            rows.append((base + one.row_number(position), tuple(row.values())))
        for number, reason, text in zip(one.rejected.numbers, one.rejected.reasons, one.rejected.texts, strict=True):
            rejected[base + number] = reason, text
    return (rows, rejected), ReadRange(start, reader.position, reader.records)


def read_in_ranges(data: bytes, starts: Sequence[int]) -> Found:
    """As several tasks would: each its own range, and again what was assumed wrongly."""
    stops = [*starts[1:], None]
    ranges = [read(data, start, stop)[1] for start, stop in zip(starts, stops, strict=True)]
    while (right := proven(ranges)) < len(ranges):
        ranges[right] = read(data, ranges[right - 1].end, stops[right])[1]
    rows, rejected, base = list[Row](), dict[int, tuple[str, str]](), 0
    for one, stop in zip(ranges, stops, strict=True):
        found, again = read(data, one.start, stop, base)
        assert again == one
        rows += found[0]
        rejected |= found[1]
        base += one.records
    return rows, rejected


def starts_of(data: bytes, cuts: Sequence[int]) -> list[int]:
    found = [assumed_start(cut, data[cut - 1 :]) for cut in cuts]
    return sorted({0, *(start for start in found if start is not None and start < len(data))})


def check(seed: int, lines: int) -> int:
    chance = random.Random(seed)  # noqa: S311
    data = file_of(chance, lines)
    whole = read(data, 0, None, block=chance.choice((1, 3, 1 << 20)))[0]
    for cut in range(1, len(data)):
        assert read_in_ranges(data, starts_of(data, [cut])) == whole, (seed, cut)
    cuts = [chance.randrange(1, len(data)) for _ in range(4)]
    assert read_in_ranges(data, starts_of(data, cuts)) == whole, (seed, cuts)
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
        start = assumed_start(cut, data[cut - 1 :])
        if start is None:
            continue
        found, end = stretches(data, 0, start)
        assert end >= start
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
