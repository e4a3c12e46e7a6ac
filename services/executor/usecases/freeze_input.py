"""The objects that an execution reads are listed by whoever claims it, once for all its attempts."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import structlog

from chassis.bus.perseverance import ProbeAll, through_outages, told_apart
from services.executor.domain.execution import Execution
from services.executor.ports import Listings, ListInput
from services.executor.scoring.job import InputObject, ScoringInput, ScoringJob
from services.executor.work import job_of, work_of

log = structlog.get_logger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class FreezeInput:
    """Two that claim one execution may both list its input; one listing is kept, and both go by that."""

    listings: Listings
    list_input: ListInput
    probe: ProbeAll

    async def __call__(self, execution: Execution) -> ScoringJob:
        """The present attempt's job. Raises: ScoringError: `input-…`, `address-refused`, `store-unavailable`."""
        input_ = work_of(execution).input
        return job_of(execution, input_.objects or await self._objects(execution.execution_id, input_))

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
