"""A job's tasks, one an item: done by Spark or in this process, and all ended by the first failure that is final."""

import contextlib
import functools
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pyspark import SparkContext

from services.executor.scoring.errors import ScoringCancelled, ScoringError, in_full
from services.executor.scoring.job import ScoringJob
from services.executor.scoring.runlog import RunLog
from services.executor.scoring.settings import ScoringSettings
from services.executor.scoring.task import or_refusal
from services.executor.scoring.warm_sessions import warm_session

_T = TypeVar("_T")
_I = TypeVar("_I")


class JobTasks:
    """Of one attempt. `stop` and `fail` may be called from other threads.

    `here`: whether this process may hold sandboxes. `cores`: how many the job may use.
    """

    def __init__(
        self,
        context: SparkContext,
        settings: ScoringSettings,
        job: ScoringJob,
        log: RunLog,
        *,
        here: bool,
        cores: int,
    ) -> None:
        self._context, self._settings, self._job, self._log = context, settings, job, log
        self._here, self._cores = here, cores
        self._tag = f"scoring-{job.execution_id}-{job.attempt}"
        self._cancelled = False
        self._failure: ScoringError | None = None

    def stop(self) -> None:
        self._cancelled = True
        self._context.cancelJobsWithTag(self._tag)
        if self._here:
            warm_session(self._job, self._settings).session.stop()

    def fail(self, raw: dict[str, Any]) -> None:
        """End all of them at a task's failure, which is told before Spark would tell it."""
        if self._failure is None:
            self._failure = ScoringError.from_dict(raw)
            self._context.cancelJobsWithTag(self._tag)

    def begin_again(self) -> None:
        """What failed is tried in another way."""
        self._failure = None
        self._log.expect_again()

    def ensure_wanted(self) -> None:
        """Raises: ScoringCancelled."""
        if self._cancelled:
            raise ScoringCancelled

    def in_this_process(self, does: Callable[[_I], _T], some: Sequence[_I]) -> list[_T]:
        """A small input: Spark takes longer to hand it out than it takes. Empty where Spark has to do it."""
        small = self._job.input.size_bytes <= self._settings.small_bytes
        if not self._here or not small or len(some) > 1:
            return []
        self.ensure_wanted()
        try:
            return [does(some[0])]
        except ScoringError as error:
            self._log.add("not_scored_without_spark", code=error.code, reason=error.message, **error.details)
            self._log.expect_again()
            return []

    def on_workers(self, does: Callable[[_I], _T], some: Sequence[_I]) -> list[_T]:
        """One Spark task an item. Raises: ScoringError, as the first task did that no other try helps."""
        self.ensure_wanted()
        self._context.addJobTag(self._tag)
        told = functools.partial(or_refusal, does)
        try:
            results = self._context.parallelize(some, self._count(len(some))).map(told).collect()
        except Exception as error:
            self.ensure_wanted()
            if self._failure:
                raise self._failure from error
            text = f"Spark gave the job up ({type(error).__name__}): its words are in the execution's log"
            raise ScoringError("worker-lost", text, detail=in_full(error)) from error
        finally:
            with contextlib.suppress(Exception):
                self._context.removeJobTag(self._tag)
        if refusals := [each for each in results if isinstance(each, ScoringError)]:
            raise refusals[0]
        return [each for each in results if not isinstance(each, ScoringError)]

    def _count(self, items: int) -> int:
        """An item is a task, which is tried again alone; but no more tasks than cores where the driver has more."""
        return items if self._cores == self._context.defaultParallelism else min(items, self._cores)
