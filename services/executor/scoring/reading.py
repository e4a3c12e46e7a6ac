"""A split's pieces as they are fetched: bytes for a sandboxed child, the next ones while these are scored."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, Final, Protocol, TypeVar

from chassis.sandbox.shared_memory import Memories, SharedMemory
from services.executor.scoring.job import InputObject
from services.executor.scoring.objects import Bucket
from services.executor.scoring.splits import CsvObject, CsvRange, RowGroup, Split

STRETCH_BYTES: Final = 32 << 20
"""Of a CSV, in one request: a store that packs text by itself (SeaweedFS does) unpacks all around a range for each."""
SAMPLE_BYTES: Final = 8 << 20
_T = TypeVar("_T")

Answer = tuple[dict[str, Any], list[memoryview]]


class Ask(Protocol):
    """A child's parent's side: one question and its answer."""

    def __call__(self, header: dict[str, Any], *pieces: bytes | memoryview) -> Answer: ...


@dataclass(frozen=True)
class LoadedChunk:
    """Bytes for the child: `header` says what they are, `sizes` how they lie in `memory`.

    `rows` are known of a row group alone. `memory` is to be given back to the fetcher.
    """

    header: dict[str, Any]
    memory: SharedMemory
    sizes: tuple[int, ...]
    source: InputObject
    rows: int | None
    row_number: Callable[[int], int]

    def place(self, what: str, row: int | None) -> str:
        at = "" if row is None else f", row {self.row_number(row)}"
        return f"{what} ({self.source.key}{at})"


@dataclass
class Fetcher:
    """Reads pieces and counts the seconds spent waiting for the store."""

    bucket: Bucket
    memories: Memories = field(default_factory=Memories)
    seconds: float = 0.0

    def chunks(self, split: Split) -> Iterator[LoadedChunk]:
        return ahead(self._all(split))

    def first(self, split: Split) -> LoadedChunk:
        """The beginning of the split's first piece."""
        piece = split.pieces[0]
        return self._row_group(piece) if isinstance(piece, RowGroup) else next(self._csv(piece, SAMPLE_BYTES))

    def done_with(self, loaded: LoadedChunk) -> None:
        """Nothing of the chunk is read any more; its memory may hold another."""
        self.memories.give_back(loaded.memory)

    def _all(self, split: Split) -> Iterator[LoadedChunk]:
        for piece in split.pieces:
            if isinstance(piece, RowGroup):
                yield self._row_group(piece)
            else:
                yield from self._csv(piece, STRETCH_BYTES)

    def _row_group(self, piece: RowGroup) -> LoadedChunk:
        began = time.perf_counter()
        footer = fetch_footer(self.bucket, piece.source, piece.footer_start)
        size = piece.end - piece.start
        memory = self.memories.take(footer.nbytes + size)
        memory.view[: footer.nbytes] = footer
        self.bucket.read_into(piece.source, piece.start, memory.view[footer.nbytes : footer.nbytes + size])
        self.seconds += time.perf_counter() - began
        header = {"op": "row_group", "row_group": piece.index, "start": piece.start, "first_row": piece.first_row}
        return LoadedChunk(
            header={**header, "key": piece.source.key},
            memory=memory,
            sizes=(footer.nbytes, size),
            source=piece.source,
            rows=piece.rows,
            row_number=lambda row: piece.first_row + row + 1,
        )

    def _csv(self, piece: CsvObject, stretch_bytes: int) -> Iterator[LoadedChunk]:
        part, named = piece.part or CsvRange(0, piece.source.size_bytes, 1, None), len(piece.dialect)
        said = {"op": "csv", "key": piece.source.key, "start": part.start, "first": part.first, "records": part.records}
        for start in range(part.start, part.end, stretch_bytes):
            began, end = time.perf_counter(), min(start + stretch_bytes, part.end)
            memory = self.memories.take(named + end - start)
            memory.view[:named] = piece.dialect
            self.bucket.read_into(piece.source, start, memory.view[named : named + end - start])
            self.seconds += time.perf_counter() - began
            yield LoadedChunk(
                header={**said, "last": end == part.end},
                memory=memory,
                sizes=(named, end - start),
                source=piece.source,
                rows=None,
                row_number=lambda row: row,
            )


def until_answered(ask: Ask, answer: Answer, bucket: Bucket, source: InputObject, *, at_most: int) -> Answer:
    """The answer of a child that asks for bytes of an object first: of this alone, and of no more than `at_most`.

    Raises:
        ValueError: it asks for others.
    """
    fetched = 0
    while "need" in answer[0]:
        start, end = (int(each) for each in answer[0]["need"])
        fetched += end - start
        if not 0 <= start < end <= source.size_bytes or fetched > at_most:
            raise ValueError("it asks for bytes that aren't there, or for too many")
        answer = ask({"op": "bytes"}, bucket.get_range(source, start, end))
    return answer


@lru_cache(maxsize=8)
def fetch_footer(bucket: Bucket, source: InputObject, start: int) -> memoryview:
    """A parquet object's footer, which begins at `start`."""
    return bucket.get_range(source, start, source.size_bytes)


def ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items, each made in a thread while its predecessor is used."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(next, items, end)
        while (item := upcoming.result()) is not end:
            upcoming = pool.submit(next, items, end)
            yield item  # pyright: ignore[reportReturnType]
