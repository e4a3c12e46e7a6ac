"""A split's chunks, the next one fetched while this one is scored."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Final, TypeVar

import pyarrow as pa

from chassis.sandbox.child.chunk import ArrowChunk, Chunk, ParquetChunk
from chassis.sandbox.child.csv_records import CsvReader, CsvUnreadable, RejectedLines
from chassis.sandbox.shared_memory import Memories, SharedMemory
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.footers import fetch_footer
from services.executor.scoring.job import InputObject
from services.executor.scoring.objects import Bucket
from services.executor.scoring.splits import CsvObject, RowGroup, Split

STRETCH_BYTES: Final = 32 << 20
"""Of a CSV, in one request: a store that packs text by itself (SeaweedFS does) unpacks all around a range for each."""
_T = TypeVar("_T")


@dataclass(frozen=True)
class LoadedChunk:
    """A chunk and where its rows came from. `lines`: CSV lines that were no rows and count as rejected."""

    chunk: Chunk
    source: InputObject
    rows: int
    row_number: Callable[[int], int]
    lines: RejectedLines = field(default_factory=RejectedLines)
    memory: SharedMemory | None = None
    """What the chunk lies in, to be given back to the fetcher."""

    def place(self, what: str, row: int | None) -> str:
        at = "" if row is None else f", row {self.row_number(row)}"
        return f"{what} ({self.source.key}{at})"


@dataclass
class Fetcher:
    """Reads pieces and counts the seconds spent waiting for the store."""

    bucket: Bucket
    block_bytes: int
    memories: Memories = field(default_factory=Memories)
    seconds: float = 0.0

    def chunks(self, split: Split) -> Iterator[LoadedChunk]:
        return ahead(self._all(split))

    def done_with(self, loaded: LoadedChunk) -> None:
        """Nothing of the chunk is read any more; its memory may hold another."""
        if loaded.memory is not None:
            self.memories.give_back(loaded.memory)

    def _all(self, split: Split) -> Iterator[LoadedChunk]:
        for piece in split.pieces:
            if isinstance(piece, RowGroup):
                yield self._row_group(piece)
            else:
                yield from self._csv(piece)

    def _row_group(self, piece: RowGroup) -> LoadedChunk:
        began = time.perf_counter()
        footer = fetch_footer(self.bucket, piece.source, piece.footer_start)
        size = piece.end - piece.start
        memory = self.memories.take(footer.nbytes + size)
        memory.view[: footer.nbytes] = footer
        data = memory.view[footer.nbytes : footer.nbytes + size]
        self.bucket.read_into(piece.source, piece.start, data)
        self.seconds += time.perf_counter() - began
        chunk = ParquetChunk(footer=footer, row_group=piece.index, start=piece.start, data=data)
        return LoadedChunk(chunk, piece.source, piece.rows, lambda row: piece.first_row + row + 1, memory=memory)

    def _csv(self, piece: CsvObject) -> Iterator[LoadedChunk]:
        reader = CsvReader(piece.dialect, self._blocks(piece.source))
        try:
            for block in reader.blocks():
                chunk = ArrowChunk(_ipc(block.table))
                yield LoadedChunk(chunk, piece.source, block.table.num_rows, block.row_number, block.rejected)
        except (CsvUnreadable, pa.ArrowException) as error:
            raise ScoringError("input-corrupt", f"{piece.source.key}: {error}") from error

    def _blocks(self, source: InputObject) -> Iterator[memoryview]:
        for stretch in ahead(self._stretches(source)):
            for start in range(0, stretch.nbytes, self.block_bytes):
                yield stretch[start : start + self.block_bytes]

    def _stretches(self, source: InputObject) -> Iterator[memoryview]:
        for start in range(0, source.size_bytes, STRETCH_BYTES):
            began = time.perf_counter()
            stretch = self.bucket.get_range(source, start, min(start + STRETCH_BYTES, source.size_bytes))
            self.seconds += time.perf_counter() - began
            yield stretch


def ahead(items: Iterator[_T]) -> Iterator[_T]:
    """The same items, each made in a thread while its predecessor is used."""
    end = object()
    with ThreadPoolExecutor(1) as pool:
        upcoming = pool.submit(next, items, end)
        while (item := upcoming.result()) is not end:
            upcoming = pool.submit(next, items, end)
            yield item  # pyright: ignore[reportReturnType]


def _ipc(table: pa.Table) -> memoryview:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return memoryview(sink.getvalue())
