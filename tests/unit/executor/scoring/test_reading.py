"""What a task reads of the store, and in which pieces."""

import pytest

from chassis.sandbox.child.csv_dialect import CsvDialect
from services.executor.scoring import reading
from services.executor.scoring.job import InputObject
from services.executor.scoring.objects import Bucket
from services.executor.scoring.reading import Fetcher
from services.executor.scoring.splits import CsvObject, Split

DATA = b"a,b\n" + b"".join(b"%d,%d\n" % (number, number * number) for number in range(100))
SOURCE = InputObject(key="x.csv", etag="e", size_bytes=len(DATA))


class Remembering(Bucket):
    """A bucket of one object, which remembers what was asked of it."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, int]] = []

    def get_range(self, source: InputObject, start: int, end: int) -> memoryview:
        assert source == SOURCE
        self.asked.append((start, end))
        return memoryview(DATA)[start:end]


@pytest.mark.parametrize("stretch", [1, 100, len(DATA), 10_000])
@pytest.mark.parametrize("block", [1, 30, 10_000])
def test_a_csv_comes_whole_in_few_requests_whatever_its_blocks(
    monkeypatch: pytest.MonkeyPatch, stretch: int, block: int
) -> None:
    monkeypatch.setattr(reading, "STRETCH_BYTES", stretch)
    bucket = Remembering()

    loaded = list(Fetcher(bucket, block).chunks(Split(0, (CsvObject(SOURCE, CsvDialect(",", ("a", "b"))),))))

    rows = [row for each in loaded for batch in each.chunk.batches(["a", "b"]) for row in batch.to_pylist()]
    assert rows == [{"a": str(number), "b": str(number * number)} for number in range(100)]
    assert bucket.asked == [(at, min(at + stretch, len(DATA))) for at in range(0, len(DATA), stretch)]
