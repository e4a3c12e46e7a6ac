"""Somebody with a free slot looks for work."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import structlog

from chassis.clock import Clock
from chassis.crash_points import CrashPoint, crash_points
from chassis.documents.leases import Observer
from chassis.errors import Outage
from services.executor.domain.execution import Execution
from services.executor.domain.limits import Full
from services.executor.moments import cause_of, now
from services.executor.ports import Door, Overview, Repository
from services.executor.store import Held

log = structlog.get_logger(__name__)


@dataclass(kw_only=True)
class ClaimExecution:
    """Claims for one owner, who runs one attempt at a time and asks only when idle."""

    executions: Repository
    overview: Overview
    door: Door
    clock: Clock
    owner: str
    lease_s: float
    _observer: Observer = field(init=False)
    _looked_at: float = field(default=float("-inf"), init=False)

    async def __call__(self) -> Execution | None:
        """The execution whose next attempt is the owner's, or None. What can't be run any more is ended on the way."""
        self._watch_anew_after_a_gap()
        try:
            running = await self.overview.running()
            return await self._abandoned(running) or await self._waiting(self.door.full(running))
        except Outage:
            self._looked_at = float("-inf")
            raise

    async def watch(self) -> None:
        """Look who lives without claiming anything: who can't run anything yet needn't begin to look when it can."""
        self._watch_anew_after_a_gap()
        try:
            for held in await self.overview.running():
                self._is_lost(held)
        except Outage:
            self._looked_at = float("-inf")
            raise

    def _watch_anew_after_a_gap(self) -> None:
        """Who couldn't look for a while can't say that the others were silent: they may have been cut off as well."""
        moment = self.clock.monotonic()
        if moment - self._looked_at > self.lease_s:
            self._observer = Observer(self.clock, self.lease_s)
        self._looked_at = moment

    async def _abandoned(self, running: Sequence[Held]) -> Execution | None:
        found: Execution | None = None
        for held in running:
            if held.tenure.owner == self.owner:
                # Claimed by a write whose answer never came.
                found = found or await self._adopt(held)
            elif self._is_lost(held) and found is None:
                found = await self._take_over(held)
        return found

    async def _waiting(self, full: Full) -> Execution | None:
        for execution_id in await self.overview.waiting(now(self.clock), full):
            claimed = await self._claim(execution_id, lambda each: each.start(self.owner, now(self.clock)))
            if claimed is not None:
                return claimed
        return None

    async def _adopt(self, held: Held) -> Execution | None:
        execution = await self.executions.load(held.execution_id)
        return execution if execution is not None and execution.is_held_by(held.tenure) else None

    async def _take_over(self, held: Held) -> Execution | None:
        log.warning("lease_found_lost", execution_id=held.execution_id, owner=held.tenure.owner)
        claimed = await self._claim(
            held.execution_id, lambda each: each.take_over(held.tenure, self.owner, now(self.clock))
        )
        self._observer.forget(held.execution_id)
        return claimed

    async def _claim(self, execution_id: str, begin: Callable[[Execution], bool]) -> Execution | None:
        claimed: Execution | None = None

        def decide(execution: Execution | None) -> Execution | None:
            nonlocal claimed
            claimed = execution if execution is not None and begin(execution) else None
            return execution if execution is not None and execution.events else None

        execution = await self.executions.load(execution_id)
        if execution is not None and await self.door.admit(execution):
            await self.executions.change(execution_id, decide, cause_of(execution.origin))
        if claimed is not None:
            crash_points.passing(CrashPoint.CLAIMED)
        return claimed

    def _is_lost(self, held: Held) -> bool:
        lease = {"owner": held.tenure.owner, "fence": held.tenure.attempt, "beat": held.beat}
        return self._observer.is_lost({"_id": held.execution_id, "lease": lease})
