"""Who may begin, where limits are set: one document under compare-and-swap, so that no claimers exceed one together.

It names the attempts that were let in and that nobody has seen begin: those that run are counted where they stand. One
that doesn't begin, because its claimer died in between, keeps its place for one lease.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Final, Protocol

from chassis.clock import Clock
from chassis.documents.client import Collection, Document, translated
from chassis.documents.leases import Observer
from chassis.errors import DocumentConflict
from services.executor.domain.execution import Execution
from services.executor.domain.limits import Full, Limits, Running
from services.executor.store import Held, Standing

_DOCUMENT: Final = "admitted"


class Look(Protocol):
    """The executions, as they stand."""

    async def running(self) -> Sequence[Held]: ...
    async def standings(self, execution_ids: Sequence[str]) -> Mapping[str, Standing]: ...


@dataclass(frozen=True)
class Place:
    """An attempt that may begin."""

    execution_id: str
    attempt: int
    deployment_id: str
    market: str


class Admission:
    """One claimer's door."""

    def __init__(self, collection: Collection, look: Look, limits: Limits, *, clock: Clock, lease_s: float) -> None:
        self._collection, self._look, self._limits = collection, look, limits
        self._observer = Observer(clock, lease_s)

    def full(self, running: Sequence[Running]) -> Full:
        """What needn't be tried: `admit` would say no."""
        return self._limits.full(running)

    async def admit(self, execution: Execution) -> bool:
        """Whether the execution's next attempt may begin; if so, it has a place. Raises: Outage."""
        if not self._limits.any:
            return True
        while True:
            # In this order: what has left the document by then is among those that run.
            document = await self._read()
            running = await self._look.running()
            places = await self._kept([Place(**each) for each in document["places"]], running, execution)
            others: list[Running] = [each for each in running if each.execution_id != execution.execution_id]
            if self._limits.full([*others, *places]).holds_back(execution.resolved):
                return False
            if await self._write(document, [*places, _next_attempt(execution)]):
                return True

    async def _read(self) -> Document:
        with translated():
            found = await self._collection.find_one({"_id": _DOCUMENT})
        return found or {"_id": _DOCUMENT, "rev": 0, "places": []}

    async def _kept(self, places: list[Place], running: Sequence[Held], execution: Execution) -> list[Place]:
        """Others' places whose attempts haven't been seen to begin, and may."""
        settled = {each.execution_id for each in running} | {execution.execution_id}
        open_ = [each for each in places if each.execution_id not in settled]
        standings = await self._look.standings([each.execution_id for each in open_]) if open_ else {}
        return [each for each in open_ if self._may_begin(each, standings.get(each.execution_id))]

    def _may_begin(self, place: Place, standing: Standing | None) -> bool:
        if standing is None:
            return False
        if standing.state == "running":
            # It has begun since we looked who runs.
            return True
        if (standing.state, standing.attempt) != ("queued", place.attempt - 1):
            return False
        mark = {"owner": "", "fence": place.attempt, "beat": 0}
        return not self._observer.is_lost({"_id": place.execution_id, "lease": mark})

    async def _write(self, document: Document, places: Sequence[Place]) -> bool:
        """False: somebody else was faster."""
        changed = {"rev": document["rev"] + 1, "places": [asdict(each) for each in places]}
        known: Document = {"_id": _DOCUMENT, "rev": document["rev"]}
        try:
            with translated():
                result = await self._collection.update_one(known, {"$set": changed}, upsert=document["rev"] == 0)
        except DocumentConflict:
            return False
        return bool(result.matched_count or result.upserted_id)


def _next_attempt(execution: Execution) -> Place:
    resolved = execution.resolved
    return Place(execution.execution_id, execution.attempt + 1, resolved.deployment_id, resolved.market)
