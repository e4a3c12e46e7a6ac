"""Model formats: a file each, named like the format, with `open_scorer(task) -> Scorer`."""

import importlib
import pkgutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from services.executor.scoring.artifacts import ArtifactCache
from services.executor.scoring.child.scoring import Plan, Scored
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.reading import LoadedChunk
from services.executor.scoring.settings import SandboxSettings


@dataclass(frozen=True)
class ScorerTask:
    """What a scorer is opened for."""

    job: ScoringJob
    plan: Plan
    artifacts: ArtifactCache
    sandbox: SandboxSettings


class Scorer(Protocol):
    """A loaded model in a Spark worker, kept warm for the next task and the next job with the same model and plan."""

    def score(self, chunks: Iterable[LoadedChunk]) -> Iterator[tuple[LoadedChunk, Scored]]:
        """Chunks in, in order, with their scores. Raises `ScoringError`."""
        ...

    def close(self) -> None: ...


def formats() -> frozenset[str]:
    """The formats that can be scored."""
    return frozenset(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def open_scorer(task: ScorerTask) -> Scorer:
    """Raises `ScoringError` (`format-unsupported`, `artifact-…`, `sandbox-unavailable`)."""
    name = task.job.model.format
    if name not in formats():
        raise ScoringError("format-unsupported", f"models of the format {name} can't be scored")
    return importlib.import_module(f"{__name__}.{name.replace('-', '_')}").open_scorer(task)
