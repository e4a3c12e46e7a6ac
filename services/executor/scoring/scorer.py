"""What scores a split's chunks, and what it is opened for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from chassis.sandbox.child.counting import Counting
from chassis.sandbox.child.formats import Source
from chassis.sandbox.child.scoring import Plan, Scored
from chassis.sandbox.process import Hear
from chassis.sandbox.settings import SandboxSettings
from services.executor.scoring.artifacts import ArtifactCache
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.reading import LoadedChunk


@dataclass(frozen=True)
class ScorerTask:
    """A job's model, and what is to be done with every chunk."""

    job: ScoringJob
    plan: Plan
    artifacts: ArtifactCache
    sandbox: SandboxSettings
    hear: Hear
    """While it is opened."""

    def source(self, path: Path) -> Source:
        return Source(
            path=path,
            entrypoint=self.job.model.entrypoint,
            inputs=self.plan.inputs,
            outputs=self.plan.outputs,
            params=self.job.effective_params,
        )


@dataclass(frozen=True)
class Watching:
    """What is seen of the model while chunks are scored: what its code prints, and its inputs, counted."""

    hear: Hear
    counting: Counting | None = None


class Scorer(Protocol):
    """A loaded model in a Spark worker, kept warm for the next task and the next job with the same model and plan."""

    inspection: dict[str, Any]
    """What the model's file says about itself, for the run's log."""
    load_s: float
    """Seconds that loading has taken so far, once more for each process that had ended meanwhile."""

    def score(self, chunks: Iterable[LoadedChunk], watching: Watching) -> Iterator[tuple[LoadedChunk, Scored]]:
        """Chunks in, in order, with their scores. Raises `ScoringError`."""
        ...

    def peak_bytes(self) -> int:
        """The most memory that the model's own process held since the last `score` began; 0 where it has none."""
        ...

    def close(self) -> None: ...
