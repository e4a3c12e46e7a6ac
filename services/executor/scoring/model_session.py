"""One model's sandboxed child: plans inputs, holds the model, scores splits with two chunks in flight."""

import contextlib
import functools
import json
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from chassis.sandbox import formats
from chassis.sandbox.child.bins import Bins, Counting, unpack_bins
from chassis.sandbox.child.csv_ranges import ReadRange
from chassis.sandbox.command import artifact_path
from chassis.sandbox.errors import ChildDied, ChildFailed, ChildGarbled, SandboxTrialLost, SandboxUnavailable
from chassis.sandbox.held import Held
from chassis.sandbox.process import ChildProcess, Hear
from chassis.sandbox.settings import SandboxSettings
from services.executor.scoring.artifacts import ArtifactCache
from services.executor.scoring.child_answers import ChunkAnswer, FinishedPart, SplitAnswer, chunk_answer, split_answer
from services.executor.scoring.child_failures import GARBLED, crash, crash_code, told_with_place
from services.executor.scoring.errors import ScoringCancelled, ScoringError
from services.executor.scoring.histograms import BINS, CATEGORIES, COLUMNS, VersionBins
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.objects import Bucket
from services.executor.scoring.peaks import begin_measuring, peak_bytes
from services.executor.scoring.ranges import Cut
from services.executor.scoring.reading import LoadedChunk, until_answered

_IN_FLIGHT: Final = 2
_MOST_GROWTH: Final = 0.25
"""Of the sandbox's memory, that a warm child may hold more than when its model had just been loaded."""
_PARTING_S, _PAUSE_S = 0.2, 0.01
"""What is just ending may take so long."""
_INSPECTION_CHARACTERS: Final = 2_000
_SAMPLED_ROWS: Final = 10_000


class ChildLost(Exception):
    """The child was killed by a stranger: what it was asked may be asked of another one."""


@dataclass(frozen=True)
class SplitTask:
    """What a split's chunks are scored to. `layout` is a planning child's word, for the one that scores."""

    layout: bytes
    part_bytes: int
    bins: VersionBins | None
    every: int


@dataclass
class ModelSession:
    """A child for one model and signature, never shared with another; it begins when it is needed.

    `hear` is given what the model's code prints. After a failure the child is ended: what is still under way would be
    taken for the answer to another's question.
    """

    job: ScoringJob
    artifacts: ArtifactCache
    sandbox: SandboxSettings
    hear: Hear = lambda _: None
    inspection: dict[str, Any] = field(default_factory=dict[str, Any])
    load_s: float = 0.0
    """Seconds that loading has taken so far, once more for each process that had ended meanwhile."""
    _child: ChildProcess | None = None
    _path: str | None = None
    """Where the child finds the artifact, if that was mounted."""
    _is_loaded: bool = False
    _is_stopped: bool = False
    _loaded: Held | None = None

    def begin_job(self, job: ScoringJob, hear: Hear) -> None:
        """What was printed since the last answer belongs to no one: this job may be another's."""
        self.job, self.hear, self._is_stopped = job, hear, False
        if self._child is not None and self._child.alive:
            begin_measuring(self._child.pid)
            self._child.forget_words()
            self._child.hear = hear
        else:
            self.close()

    def ask(self, header: dict[str, Any], *pieces: bytes | memoryview) -> tuple[dict[str, Any], list[memoryview]]:
        """One question and its answer. Raises: ScoringError, ChildLost."""
        with self._answering(str(header["op"])):
            child = self._started()
            child.ask(header, *(memoryview(piece) for piece in pieces))
            return child.answer()

    def load(self) -> None:
        """Raises: ScoringError, ChildLost."""
        if self._is_loaded and self._child is not None and self._child.alive:
            return
        if self.job.model.format not in formats.names():
            raise ScoringError("format-unsupported", f"models of the format {self.job.model.format} can't be scored")
        began = time.perf_counter()
        if self._path is None or self._child is None or not self._child.alive:
            self.close()
            self._ensure_wanted()
            self.mount()
        answer, _ = self.ask({"op": "load"}, self._task(self._path or ""))
        self.inspection, self._is_loaded = _inspection(answer), True
        self._loaded = self._child.held() if self._child else None
        self.load_s += time.perf_counter() - began

    def sample(self, loaded: LoadedChunk) -> VersionBins | None:
        """Bins that suit a piece's first rows; None where none of them was scored. Raises: ScoringError, ChildLost."""
        self.load()
        header = {**loaded.header, "op": "sample", "kind": loaded.header["op"], "rows": _SAMPLED_ROWS}
        with self._answering("sample"):
            child = self._started()
            limits = {"bins": BINS, "categories": CATEGORIES, "columns": COLUMNS}
            child.ask_shared({**header, **limits}, loaded.memory, loaded.sizes)
            answer, pieces = child.answer()
            made = [
                unpack_bins(some, columns=COLUMNS, edges=BINS + 1, categories=CATEGORIES)
                for some in (pieces[:3], pieces[3:])
            ]
        self._rest()
        return VersionBins(*made) if answer.get("rows") else None

    def begin_range(self, bucket: Bucket, cut: Cut) -> int | None:
        """Where a record seems to begin behind a cut of a CSV object. Raises: ScoringError, ChildLost."""
        source = cut.whole.source
        asked = {"op": "begin_range", "start": cut.start, "stop": cut.stop, "key": source.key}
        with self._answering("begin_range"):
            answer = self.ask(asked, cut.whole.dialect)
            _, (piece,) = until_answered(self.ask, answer, bucket, source, at_most=2 * source.size_bytes)
            return cut.begun(piece)

    def number(self, part: memoryview, *, before: int, rows: int) -> FinishedPart:
        """A part of so many rejected rows again, numbered on from `before`. Raises: ScoringError, ChildLost."""
        with self._answering("number"):
            answer, (piece,) = self.ask({"op": "number", "before": before}, part)
            if answer["rows"] != rows:
                raise ValueError("a part of other rows")
        self._rest()
        return FinishedPart(rows, piece, rejected=True)

    def count_range(self, bucket: Bucket, cut: Cut) -> ReadRange | None:
        """The records of a range of a CSV object; None where no line ends in it. Raises: ScoringError, ChildLost."""
        source = cut.whole.source
        asked = {"op": "range", "start": cut.start, "stop": cut.stop, "known": cut.known}
        with self._answering("range"):
            header = {**asked, "key": source.key, "size_bytes": source.size_bytes}
            answer = self.ask(header, cut.whole.dialect)
            # What is looked through for a line's end is read again.
            _, (piece,) = until_answered(self.ask, answer, bucket, source, at_most=2 * source.size_bytes)
            return cut.read(piece)

    def score(self, task: SplitTask, chunks: Iterable[LoadedChunk]) -> Iterator[tuple[LoadedChunk, ChunkAnswer]]:
        """Chunks in, in order, with what came of them. Raises: ScoringError, ChildLost."""
        self.load()
        began = time.monotonic()
        bins = task.bins or VersionBins((), ())
        counting = json.dumps([Counting(bins.inputs).to_dict(), Counting(bins.predictions).to_dict()]).encode()
        self.ask({"op": "begin", "part_bytes": task.part_bytes, "every": task.every}, task.layout, counting)
        flight = deque[LoadedChunk]()
        try:
            for loaded in chunks:
                with self._answering("score", loaded):
                    self._started().ask_shared(loaded.header, loaded.memory, loaded.sizes)
                flight.append(loaded)
                if len(flight) >= _IN_FLIGHT:
                    yield self._receive(flight, began)
            while flight:
                yield self._receive(flight, began)
        except BaseException:
            self.close()
            raise

    def end(self, task: SplitTask, *, accepted: int, within_s: float) -> SplitAnswer:
        """The end of the split that was scored. Raises: ScoringError, ChildLost."""
        header, pieces = self.ask({"op": "end"})
        bins: tuple[Sequence[Bins], Sequence[Bins]] = (
            (task.bins.inputs, task.bins.predictions) if task.bins else ((), ())
        )
        with self._answering("end"):
            answer = split_answer(header, pieces, bins, accepted=accepted, every=task.every, within_s=within_s)
        self._rest()
        return answer

    def _rest(self) -> None:
        """Keep the child warm, unless it has left memory, processes or threads behind."""
        child, loaded = self._child, self._loaded
        if child is None:
            return
        child.rest()
        if loaded is None:
            return
        most, deadline = _MOST_GROWTH * self.sandbox.memory_bytes, time.monotonic() + _PARTING_S
        while child.held().exceeds(loaded, by_bytes=most):
            if time.monotonic() > deadline:
                self.close()
                return
            time.sleep(_PAUSE_S)

    def peak_bytes(self) -> int:
        """The most memory that the model's own process held since the job began; 0 where it has none."""
        return peak_bytes(self._child.pid) if self._child else 0

    def stop(self) -> None:
        """From another thread: end the child; the job gets `ScoringCancelled`."""
        self._is_stopped = True
        if self._child is not None:
            self._child.kill()

    def close(self) -> None:
        child, self._child, self._path, self._is_loaded = self._child, None, None, False
        if child is not None:
            child.close()

    def _receive(self, flight: deque[LoadedChunk], began: float) -> tuple[LoadedChunk, ChunkAnswer]:
        loaded = flight[0]
        with self._answering("score", loaded):
            header, pieces = self._started().answer()
            answer = chunk_answer(header, pieces, within_s=time.monotonic() - began)
            if loaded.rows is not None and answer.rows != loaded.rows:
                text = loaded.place(f"{answer.rows} rows instead of {loaded.rows}", None)
                raise ScoringError("input-corrupt", text)
        flight.popleft()
        return loaded, answer

    def _ensure_wanted(self) -> None:
        if self._is_stopped:
            raise ScoringCancelled

    def mount(self) -> None:
        """Begin with the artifact in reach, so that the child that plans can load it, too. Raises: ScoringError."""
        if self._child is None and self.job.model.format in formats.names():
            with self.artifacts.checked_out(self.job.model) as path, self._as_scoring_errors():
                self._child, self._path = ChildProcess(self.sandbox, path, self.hear), artifact_path(self.sandbox, path)

    def _started(self) -> ChildProcess:
        self._ensure_wanted()
        if self._child is None:
            with self._as_scoring_errors():
                self._child = ChildProcess(self.sandbox, None, self.hear)
        return self._child

    def _task(self, path: str) -> bytes:
        signature = self.job.model.signature
        task: dict[str, Any] = {
            "path": path,
            "format": self.job.model.format,
            "entrypoint": self.job.model.entrypoint,
            "params": self.job.effective_params,
            "inputs": [each.model_dump() for each in signature.inputs],
            "outputs": [each.model_dump() for each in signature.outputs],
            "text": self.job.input.format == "csv",
        }
        return json.dumps(task).encode()

    @contextlib.contextmanager
    def _answering(self, op: str, loaded: LoadedChunk | None = None) -> Generator[None]:
        """The child's failures as the job's, with their place; it is ended by any of them."""
        placed = functools.partial(told_with_place, op, self.job.model.name)
        try:
            yield
        except ChildFailed as failed:
            self.close()
            for line in failed.detail.splitlines():
                self.hear(line)
            raise ScoringError(failed.code, placed(str(failed), loaded, failed.row)) from failed
        except ChildDied as died:
            self.close()
            self._ensure_wanted()
            if died.lost:
                raise ChildLost(str(died)) from died
            raise ScoringError(crash_code(op), placed(crash(op, died), loaded)) from died
        except (ChildGarbled, ValueError, TypeError, LookupError) as error:  # Checks of what it said.
            self.close()
            raise ScoringError("model-failed", placed(GARBLED, loaded)) from error
        except ScoringError:
            self.close()
            raise

    @contextlib.contextmanager
    def _as_scoring_errors(self) -> Generator[None]:
        try:
            yield
        except (SandboxUnavailable, SandboxTrialLost) as error:
            raise ScoringError(error.code, str(error), detail=error.detail) from error


def _inspection(answer: dict[str, Any]) -> dict[str, Any]:
    """For the log, as far as it is what it should be."""
    found: Any = answer.get("inspection")
    if not isinstance(found, dict) or len(json.dumps(found)) > _INSPECTION_CHARACTERS:
        return {}
    return {str(name): value for name, value in found.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
