"""The limit: plain processes, one a core, with the executor's own planning, reading, scoring and writing."""

import asyncio
import functools
import os
import time
import uuid
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from types import TracebackType
from typing import Final, Self
from unittest.mock import patch

from benchmarks.scoring.cases import Case
from benchmarks.scoring.contender import OUTPUTS, Scored
from benchmarks.scoring.environment import ONE_THREAD
from chassis.sandbox.child.chunk import ParquetChunk
from chassis.sandbox.child.conversion import Column
from chassis.sandbox.child.formats import Source, sklearn
from chassis.sandbox.child.here import Here
from chassis.sandbox.child.layout import Layout
from chassis.sandbox.child.scoring import Model, Plan
from chassis.sandbox.child.split import Counted, SplitScoring
from chassis.sandbox.shared_memory import Memories
from chassis.settings import S3Settings
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.objects import DATASETS, RESULTS, Bucket, parse_uri
from services.executor.scoring.planning import make_plan
from services.executor.scoring.reading import Fetcher
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.splits import Split

PROCESSES: Final = 2
_memories = Memories()


@dataclass(frozen=True)
class _Task:
    s3: S3Settings
    job: ScoringJob
    model: Path
    layout: bytes
    part_bytes: int


class Bare:
    """Takes what the executor takes, in the same splits; there is no Spark and no sandbox."""

    name = "bare processes"

    def __init__(self, settings: ScoringSettings) -> None:
        self._settings = settings
        self._pool = ProcessPoolExecutor(PROCESSES, get_context("spawn"))

    def __enter__(self) -> Self:
        with patch.dict(os.environ, ONE_THREAD):
            list(self._pool.map(time.sleep, [0.5] * PROCESSES))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pool.shutdown()

    async def score(self, case: Case) -> Scored:
        return await asyncio.to_thread(self._score, case)

    def _score(self, case: Case) -> Scored:
        settings, job = self._settings, case.job(f"{OUTPUTS}/bare/")
        began = time.perf_counter()
        plan = make_plan(
            job, Bucket(settings.s3, DATASETS), Here(), rows_per_split=settings.rows_per_split, cores=PROCESSES
        )
        task = _Task(settings.s3, job, case.model.path, plan.layout, settings.part_bytes)
        keys = [key for part in self._pool.map(functools.partial(_score_split, task), plan.splits) for key in part]
        return Scored(time.perf_counter() - began, keys)


def _score_split(task: _Task, split: Split) -> list[str]:
    signature = task.job.model.signature
    inputs, outputs = (
        tuple(Column(one.name, one.type, one.required) for one in fields)
        for fields in (signature.inputs, signature.outputs)
    )
    plan, model = Plan(inputs, outputs, text=False), _loaded(task.model, inputs)
    scoring = SplitScoring(model, plan, Layout.from_bytes(task.layout), Counted((), (), 1), task.part_bytes)
    fetcher, keys = Fetcher(Bucket(task.s3, DATASETS), _memories), list[str]()
    for loaded in fetcher.chunks(split):
        footer, data = loaded.memory.view[: loaded.sizes[0]], loaded.memory.view[loaded.sizes[0] : sum(loaded.sizes)]
        chunk = ParquetChunk(footer, loaded.header["row_group"], loaded.header["start"], data)
        scoring.add_parquet(chunk, loaded.source.key, loaded.row_number)
        fetcher.done_with(loaded)
        keys += _stored(task, scoring)
    scoring.close()
    return keys + _stored(task, scoring)


def _stored(task: _Task, scoring: SplitScoring) -> list[str]:
    prefix, results = parse_uri(task.job.output_prefix, bucket=RESULTS), Bucket(task.s3, RESULTS)
    keys = list[str]()
    for part in scoring.take_parts():
        keys.append(f"{prefix}part-{uuid.uuid4().hex}.parquet")
        results.put(keys[-1], part.data)
    return keys


@functools.lru_cache(maxsize=2)
def _loaded(path: Path, inputs: tuple[Column, ...]) -> Model:
    return sklearn.load(Source(path, None, inputs))
