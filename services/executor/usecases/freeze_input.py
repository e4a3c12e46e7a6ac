"""What stands before each attempt: its version is still fit, and the objects it reads are listed once for all."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from chassis.bus.perseverance import ProbeAll, through_outages, told_apart
from services.executor.domain.errors import VersionIsUnfit
from services.executor.domain.execution import Execution
from services.executor.domain.resolution import ensure_fit
from services.executor.ports import KnownVersions, Listings, ListInput
from services.executor.scoring.errors import ScoringError
from services.executor.scoring.job import InputObject, ScoringInput, ScoringJob
from services.executor.work import job_of, work_of

log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class FreezeInput:
    """Two that claim one execution may both list its input; one listing is kept, and both go by that.

    A version that has turned out unfit since the execution was accepted isn't run; an attempt that has begun goes on.
    """

    models: KnownVersions
    listings: Listings
    list_input: ListInput
    probe: ProbeAll

    async def __call__(self, execution: Execution) -> ScoringJob:
        """The present attempt's job.

        Raises:
            ScoringError: `version-unfit`, `input-…`, `address-refused`, `store-unavailable`.
        """
        await self._ensure_fit(execution.resolved.model_id, execution.resolved.model_version)
        input_ = work_of(execution).input
        return job_of(execution, input_.objects or await self._objects(execution.execution_id, input_))

    async def _ensure_fit(self, model_id: str, number: int) -> None:
        version = await self._patiently(partial(self.models.version, model_id, number))
        try:
            ensure_fit(version, number, model_id)
        except VersionIsUnfit as unfit:
            raise ScoringError(unfit.code, str(unfit)) from unfit

    async def _objects(self, execution_id: str, input_: ScoringInput) -> tuple[InputObject, ...]:
        kept = await self._patiently(partial(self.listings.load, execution_id))
        if kept is not None:
            return kept
        objects = await self.list_input(input_.uri, input_.format)
        log.info("input_listed", objects=len(objects))
        return await self._patiently(partial(self.listings.keep, execution_id, objects))

    async def _patiently(self, work: Callable[[], Awaitable[T]]) -> T:
        # The attempt holds its lease, or has lost it to somebody who can reach the documents.
        return await through_outages(lambda: told_apart(work, self.probe), bound_s=None)
