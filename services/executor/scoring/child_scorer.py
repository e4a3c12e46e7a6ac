"""Scores in a sandboxed child, with two chunks in flight so that neither side waits for the other."""

import contextlib
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from typing import Any

from chassis.sandbox.child.scoring import Scored
from chassis.sandbox.errors import ChildDied, ChildFailed, SandboxTrialLost, SandboxUnavailable
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.local_scorer import freeze_heap
from services.executor.scoring.peaks import begin_measuring, peak_bytes
from services.executor.scoring.reading import LoadedChunk
from services.executor.scoring.scorer import ScorerTask, Watching
from services.executor.scoring.scoring_child import ScoringChild

_IN_FLIGHT = 2
_DEATHS = 2
"""A child that was killed from outside is replaced once; a model or a chunk that kills it again is to blame."""


class ChildScorer:
    def __init__(self, task: ScorerTask) -> None:
        self._task = task
        self._child: ScoringChild | None = None
        self._watching = Watching(task.hear)
        self.load_s = 0.0
        self.inspection = self._start().inspection
        freeze_heap()

    def score(self, chunks: Iterable[LoadedChunk], watching: Watching) -> Iterator[tuple[LoadedChunk, Scored]]:
        flight: deque[LoadedChunk] = deque()
        self._watching = watching
        if self._child is not None and self._child.process.alive:
            begin_measuring(self._child.process.pid)
            self._child.process.forget_words()
            self._watch(self._child)
        else:
            self._start()
        try:
            for loaded in chunks:
                self._send(loaded, flight)
                if len(flight) >= _IN_FLIGHT:
                    yield self._receive(flight)
            while flight:
                yield self._receive(flight)
        except BaseException:
            # What is still under way would be taken for the answer to another's chunk.
            self.close()
            raise

    def peak_bytes(self) -> int:
        return peak_bytes(self._child.process.pid) if self._child else 0

    def close(self) -> None:
        if self._child is not None:
            self._child.process.close()
            self._child = None

    def _start(self) -> ScoringChild:
        self.close()
        began = time.perf_counter()
        for death in range(1, _DEATHS + 1):
            try:
                self._child = self._loaded()
            except ChildFailed as error:
                raise ScoringError(error.code, f"{self._task.job.model.name}: {error}") from error
            except ChildDied as error:
                if death == _DEATHS:
                    message = f"{self._task.job.model.name}, while it was loaded: {error}"
                    raise ScoringError("artifact-unreadable", message) from error
            else:
                self.load_s += time.perf_counter() - began
                self._watch(self._child)
                return self._child
        raise AssertionError  # the loop returns or raises

    def _watch(self, child: ScoringChild) -> None:
        child.process.hear = self._watching.hear
        with contextlib.suppress(ChildDied):  # Whoever asks it for more finds out.
            child.count(self._watching.counting)

    def _loaded(self) -> ScoringChild:
        model = self._task.job.model
        task: dict[str, Any] = {
            "format": model.format,
            "entrypoint": model.entrypoint,
            "params": self._task.job.effective_params,
            "inputs": [vars(column) for column in self._task.plan.inputs],
            "outputs": [vars(column) for column in self._task.plan.outputs],
            "text": self._task.plan.text,
        }
        with self._task.artifacts.checked_out(model) as path, _as_scoring_errors():
            return ScoringChild(self._task.sandbox, path, task, self._watching.hear)

    def _send(self, loaded: LoadedChunk, flight: deque[LoadedChunk]) -> None:
        child = self._child or self._start()
        flight.append(loaded)
        try:
            child.send(loaded.chunk, loaded.memory)
        except ChildDied:
            """The next receive finds out, and asks again."""

    def _receive(self, flight: deque[LoadedChunk]) -> tuple[LoadedChunk, Scored]:
        loaded = flight[0]
        for death in range(1, _DEATHS + 1):
            child = self._child or self._start()
            try:
                scored = child.receive(loaded.rows)
            except ChildFailed as error:
                raise ScoringError(error.code, loaded.place(str(error), error.row)) from error
            except ChildDied as error:
                if death == _DEATHS:
                    raise ScoringError("model-failed", loaded.place(str(error), None)) from error
                self._resend(flight)
            except ScoringError as error:
                raise error.reworded(loaded.place(error.message, None)) from error
            else:
                flight.popleft()
                return loaded, scored
        raise AssertionError  # the loop returns or raises

    def _resend(self, flight: deque[LoadedChunk]) -> None:
        child = self._start()
        for loaded in flight:
            try:
                child.send(loaded.chunk, loaded.memory)
            except ChildDied:
                return


@contextlib.contextmanager
def _as_scoring_errors() -> Generator[None]:
    try:
        yield
    except (SandboxUnavailable, SandboxTrialLost) as error:
        raise ScoringError(error.code, str(error)) from error
