"""A split scored: its chunks decoded, scored and counted; what is finished of its parts is there to be sent."""

import time
from collections import Counter as Tally
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import pyarrow as pa

from .bins import Bins
from .chunk import ChunkUnreadable, ParquetChunk, batch_rows
from .counting import Counter, counting_of
from .csv_records import CsvBlock
from .hive import values_of
from .layout import Layout
from .output_rows import ROW_FIELD, accepted_rows, in_layout, rejected_lines, rejected_rows
from .outputs import PredictionShape
from .parts import Part, PartWriter
from .scoring import Model, ModelFailed, Plan, ScoredBatch, score_batch
from .split_progress import SplitProgress
from .summary import PredictionSummary


@dataclass(frozen=True)
class Counted:
    """Bins that inputs and predictions are counted in, where they fit the columns' types; one of `every` rows."""

    inputs: tuple[Bins, ...]
    predictions: tuple[Bins, ...]
    every: int


@dataclass
class SplitScoring:
    """One split, from its first chunk to its end."""

    model: Model
    plan: Plan
    layout: Layout
    counted: Counted
    part_bytes: int
    progress: SplitProgress = field(default_factory=SplitProgress)
    reasons: Tally[tuple[str, str]] = field(default_factory=Tally[tuple[str, str]])
    summary: PredictionSummary = field(default_factory=PredictionSummary)
    inputs: Counter | None = field(init=False)
    predictions: Counter | None = None

    def __post_init__(self) -> None:
        self.inputs = self._counter(self.counted.inputs, pa.schema([(c.name, c.arrow_type) for c in self.plan.inputs]))
        self.accepted = PartWriter(self.part_bytes)
        self.rejected = PartWriter(self.part_bytes, rejected=True)

    def add_parquet(self, chunk: ParquetChunk, key: str, row_number: Callable[[int], int]) -> None:
        """Raises: ModelFailed, PredictionShape, ChunkUnreadable."""
        folders = values_of(key)
        names = dict.fromkeys([*self.plan.input_names, *self.layout.kept.names])
        rows, rejections = 0, list[pa.Table]()
        for batch in chunk.batches([name for name in names if name not in folders]):
            rejections.append(self._add(batch, rows, folders).rejections)
            rows += batch.num_rows
        rejected = pa.concat_tables(rejections) if rejections else None
        if rejected is not None and rejected.num_rows:
            self._set_aside_again(chunk, rejected, key, row_number)

    def add_csv(self, block: CsvBlock, key: str) -> None:
        """Raises: ModelFailed, PredictionShape, ChunkUnreadable."""
        folders, first, rejected = values_of(key), 0, list[pa.Table]()
        for batch in block.table.to_batches(max_chunksize=batch_rows(len(self.layout.read.names))):
            rejections = self._add_numbered(batch, first, folders, block.row_number).rejections
            if rejections.num_rows:
                rows = batch.take(pa.array([row - first for row in rejections.column("row").to_pylist()]))
                rejected.append(self._set_aside(rows, rejections, key, block.row_number))
            first += batch.num_rows
        lines = block.rejected
        if lines.numbers:
            self.progress.rows += len(lines.numbers)
            self.reasons.update(("", reason) for reason in lines.reasons)
            rejected.append(rejected_lines(lines, self.layout, key))
        if rejected:
            # In the order of the records, however the text is cut into blocks.
            self._write(self.rejected, pa.concat_tables(rejected).sort_by(ROW_FIELD))

    def close(self) -> None:
        began = time.perf_counter()
        self.accepted.close()
        self.rejected.close()
        self.progress.write_s += time.perf_counter() - began

    def take_parts(self) -> list[Part]:
        return [*self.accepted.take(), *self.rejected.take()]

    def take_progress(self) -> SplitProgress:
        taken, self.progress = self.progress, SplitProgress()
        return taken

    def columns(self) -> list[tuple[str, str]]:
        """Names and types of the output so far; empty where no row was accepted."""
        return [] if self.accepted.schema is None else [(each.name, str(each.type)) for each in self.accepted.schema]

    def _add(self, batch: pa.RecordBatch, first_row: int, folders: Mapping[str, str | None]) -> ScoredBatch:
        scored = score_batch(batch, self.plan, self.model, first_row=first_row, folders=folders)
        self.progress.rows += batch.num_rows
        self.progress.score_s += scored.seconds
        if scored.predictions.num_rows:
            self._count(scored)
            kept = in_layout(batch, self.layout.kept, folders)
            self._write(self.accepted, accepted_rows(kept, self.layout, scored.predictions, scored.kept))
        return scored

    def _add_numbered(
        self,
        batch: pa.RecordBatch,
        first_row: int,
        folders: Mapping[str, str | None],
        row_number: Callable[[int], int],
    ) -> ScoredBatch:
        """What fails is told with the row's number in its object."""
        try:
            return self._add(batch, first_row, folders)
        except (ModelFailed, PredictionShape) as error:
            error.row = None if error.row is None else row_number(error.row)
            raise

    def _count(self, scored: ScoredBatch) -> None:
        began, rows, predicted = time.perf_counter(), scored.predictions.num_rows, scored.predictions
        self.summary.add(predicted)
        if self.inputs is not None:
            self.inputs.add(dict(zip(self.plan.input_names, scored.columns, strict=True)), rows)
        if self.predictions is None:
            self.predictions = self._counter(self.counted.predictions, predicted.schema)
        if self.predictions is not None:
            self.predictions.add({name: whole(predicted.column(name)) for name in predicted.schema.names}, rows)
        self.progress.count_s += time.perf_counter() - began

    def _counter(self, bins: tuple[Bins, ...], schema: pa.Schema) -> Counter | None:
        counting = counting_of(bins, schema, every=self.counted.every)
        return Counter(counting) if counting else None

    def _set_aside_again(
        self, chunk: ParquetChunk, rejections: pa.Table, key: str, row_number: Callable[[int], int]
    ) -> None:
        """All columns of the rejected rows, which are few: the chunk is read once more for them."""
        numbers, first, done = rejections.column("row").to_pylist(), 0, 0
        for batch in chunk.batches(self.layout.read.names):
            here = [number - first for number in numbers if first <= number < first + batch.num_rows]
            if here:
                some = rejections.slice(done, len(here))
                self._write(self.rejected, self._set_aside(batch.take(pa.array(here)), some, key, row_number))
                done += len(here)
            first += batch.num_rows
        if done != len(numbers):
            raise ChunkUnreadable(f"{len(numbers) - done} rows are not there when read again")

    def _set_aside(
        self, rows: pa.RecordBatch, rejections: pa.Table, key: str, row_number: Callable[[int], int]
    ) -> pa.Table:
        pairs = zip(rejections.column("column").to_pylist(), rejections.column("reason").to_pylist(), strict=True)
        self.reasons.update(pairs)
        return rejected_rows(rows, rejections, self.layout, key=key, row_number=row_number)

    def _write(self, writer: PartWriter, table: pa.Table) -> None:
        began = time.perf_counter()
        writer.write(table)
        self.progress.write_s += time.perf_counter() - began
        if writer.rejected:
            self.progress.rejected += table.num_rows
        else:
            self.progress.accepted += table.num_rows


def whole(column: pa.ChunkedArray) -> pa.Array:
    """One array."""
    return column.chunk(0) if column.num_chunks == 1 else pa.concat_arrays(column.chunks)
