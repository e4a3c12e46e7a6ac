"""What a task reads of the store, and in which pieces."""

import pytest

from services.executor.scoring import reading
from services.executor.scoring.job import InputObject
from services.executor.scoring.objects import Bucket
from services.executor.scoring.reading import Fetcher
from services.executor.scoring.splits import CsvObject, CsvRange, Split

DATA = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * number) for number in range(100))
SOURCE = InputObject(key="x.csv", etag="e", size_bytes=len(DATA))


class Remembering(Bucket):
    """A bucket of one object, which remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def read_into(self, source: InputObject, start: int, target: memoryview) -> None:
        assert source == SOURCE
        self.asked.append((start, start + target.nbytes))
        target[:] = DATA[start : start + target.nbytes]


@pytest.mark.parametrize("stretch", [1, 100, len(DATA), 10_000])
def test_a_csv_comes_whole_in_few_requests(monkeypatch: pytest.MonkeyPatch, stretch: int) -> None:
    monkeypatch.setattr(reading, "STRETCH_BYTES", stretch)
    bucket, dialect = Remembering(), b"a child's word"

    fetcher, text, ends = Fetcher(bucket), b"", list[bool]()
    for loaded in fetcher.chunks(Split(0, (CsvObject(SOURCE, dialect),))):
        assert bytes(loaded.memory.view[: loaded.sizes[0]]) == dialect
        text += bytes(loaded.memory.view[loaded.sizes[0] : sum(loaded.sizes)])
        ends.append(loaded.header["last"])
        fetcher.done_with(loaded)

    assert text == DATA
    assert ends == [False] * (len(ends) - 1) + [True]
    assert bucket.asked == [(at, min(at + stretch, len(DATA))) for at in range(0, len(DATA), stretch)]


def test_a_range_of_a_csv_is_read_alone_and_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "STRETCH_BYTES", 100)
    bucket = Remembering()
    piece = CsvObject(SOURCE, b"", part=CsvRange(start=150, end=380, first=21, records=27))
    headers = [loaded.header for loaded in Fetcher(bucket).chunks(Split(0, (piece,)))]
    assert bucket.asked == [(150, 250), (250, 350), (350, 380)]
    assert [header["last"] for header in headers] == [False, False, True]
    assert {(header["start"], header["first"], header["records"]) for header in headers} == {(150, 21, 27)}
