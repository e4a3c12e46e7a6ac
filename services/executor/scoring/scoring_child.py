"""A sandboxed child with a model: loaded, asked for chunks, its answers checked."""

import json
import math
import time
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from chassis.sandbox.child.chunk import Chunk, ParquetChunk
from chassis.sandbox.child.conversion import REJECTIONS
from chassis.sandbox.child.counting import Counting
from chassis.sandbox.child.scoring import Scored
from chassis.sandbox.command import artifact_path
from chassis.sandbox.errors import ChildGarbled
from chassis.sandbox.process import ChildProcess, Hear
from chassis.sandbox.settings import SandboxSettings
from chassis.sandbox.shared_memory import SharedMemory
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.histograms import checked_counts

_INSPECTION_CHARACTERS: Final = 2_000


class ScoringChild:
    """Its answers are an untrusted model's: nothing of them is believed unchecked."""

    def __init__(self, settings: SandboxSettings, artifact: Path, task: dict[str, Any], hear: Hear) -> None:
        self.process = ChildProcess(settings, artifact, hear)
        self._counting: Counting | None = None
        words = json.dumps({**task, "path": artifact_path(settings, artifact)}).encode()
        try:
            self.process.ask({"op": "load"}, memoryview(words))
            self.inspection = _inspection(self._answer()[0])
        except BaseException:
            self.process.close()
            raise

    def count(self, counting: Counting | None) -> None:
        """Have the inputs of the chunks that follow counted. Raises `ChildDied`."""
        self._counting = counting
        self.process.ask({"op": "count"}, memoryview(json.dumps(counting.to_dict() if counting else None).encode()))

    def send(self, chunk: Chunk, memory: SharedMemory | None = None) -> None:
        """`memory`: what holds the chunk, and must do so until it is answered. Raises `ChildDied`."""
        if not isinstance(chunk, ParquetChunk):
            self.process.ask({"op": "score", "kind": "arrow"}, chunk.data)
            return
        header = {"op": "score", "kind": "parquet", "row_group": chunk.row_group, "start": chunk.start}
        if memory is None:
            self.process.ask(header, chunk.footer, chunk.data)
        else:
            self.process.ask_shared(header, memory, (chunk.footer.nbytes, chunk.data.nbytes))

    def receive(self, rows: int) -> Scored:
        """The answer to the oldest chunk, which has `rows` rows. Raises `ChildDied`, `ChildFailed`, `ScoringError`."""
        header, pieces = self._answer()
        try:
            predictions, rejections, counts = _table(pieces[0]), _table(pieces[1]), pieces[2]
            seconds, counting_s = (self._seconds(header[name]) for name in ("seconds", "counting_s"))
            counted = checked_counts(counts, self._counting, predictions.num_rows)
            scored = Scored(int(header["rows"]), predictions, rejections, seconds, counted, counting_s)
        except (pa.ArrowException, ValueError, TypeError, LookupError) as error:
            raise ScoringError("prediction-shape", f"the model's process gave no readable answer: {error}") from error
        _check(scored, rows)
        return scored

    def _seconds(self, said: Any) -> float:
        """A share of its life. Raises `ValueError`."""
        if not 0 <= float(said) < math.inf:
            raise ValueError("its seconds are no time")
        return min(float(said), time.monotonic() - self.process.began)

    def _answer(self) -> tuple[dict[str, Any], list[memoryview]]:
        try:
            return self.process.answer()
        except ChildGarbled as error:
            raise ScoringError("prediction-shape", f"the model's process gave no readable answer: {error}") from error


def _inspection(answer: dict[str, Any]) -> dict[str, Any]:
    """For the log, as far as it is what it should be."""
    found: Any = answer.get("inspection")
    if not isinstance(found, dict) or len(json.dumps(found)) > _INSPECTION_CHARACTERS:
        return {}
    return {str(name): value for name, value in found.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]


def _table(piece: memoryview) -> pa.Table:
    table = pa.ipc.open_stream(pa.py_buffer(piece)).read_all()
    table.validate(full=True)
    return table


def _check(scored: Scored, rows: int) -> None:
    rejected = scored.rejections
    if rejected.schema != REJECTIONS:
        raise ScoringError("prediction-shape", "the model's process gave no readable answer: its rejections")
    numbers = rejected.column("row").to_pylist()
    inside = all(number is not None and 0 <= number < rows for number in numbers)
    distinct = len(set(numbers)) == len(numbers)
    if scored.rows != rows or not inside or not distinct or scored.predictions.num_rows != rows - len(numbers):
        raise ScoringError("prediction-shape", f"{scored.predictions.num_rows} predictions for {rows} rows")
