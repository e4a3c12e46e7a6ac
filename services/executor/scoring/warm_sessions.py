"""Sandboxed children that stay warm in a process, the last few models'; each with memory of its own."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Final

from chassis.sandbox.shared_memory import Memories
from services.executor.scoring.artifacts import ArtifactCache
from services.executor.scoring.heap import freeze_heap
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.model_session import ModelSession
from services.executor.scoring.objects import MODELS, Bucket
from services.executor.scoring.settings import ScoringSettings

_WARM: Final = 2


@dataclass(frozen=True)
class WarmSession:
    """A model's process goes on seeing the memories that it was shown, so no other's rows lie there."""

    session: ModelSession
    memories: Memories = field(default_factory=Memories)


_warm: OrderedDict[tuple[object, ...], WarmSession] = OrderedDict()
"""Of this process, which does one task at a time: no two executions ever share one at once."""


def warm_session(job: ScoringJob, settings: ScoringSettings) -> WarmSession:
    """A warm one for the same bytes, signature and parameters, or a new one in the least recently used one's place."""
    key = (
        job.model.sha256,
        job.model.format,
        job.model.entrypoint,
        job.model.signature,
        job.input.format,
        repr(job.effective_params),
        settings.sandbox.memory_bytes,
    )
    if key not in _warm:
        while len(_warm) >= _WARM:
            _warm.popitem(last=False)[1].session.close()
        cache = ArtifactCache(Bucket(settings.s3, MODELS), settings.cache_dir, settings.cache_bytes)
        _warm[key] = WarmSession(ModelSession(job, cache, settings.sandbox))
        freeze_heap()
    _warm.move_to_end(key)
    return _warm[key]
