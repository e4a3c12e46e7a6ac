"""Looking over executions without loading them, and the heartbeat that keeps them.

The lease of a running execution is its `owner` and `attempt`, which belong to the aggregate and change with it, and
`_beat`, which its owner alone counts up, beside the aggregate and without touching `_rev`: a heartbeat is in nobody's
way.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.documents.client import Collection, Document, translated
from services.executor.domain.execution import LONGEST_PAUSE
from services.executor.domain.limits import Full
from services.executor.domain.terms import Tenure

_LOOKED_AT: Final = 20
_LEASE: Final = {"owner": 1, "attempt": 1, "_beat": 1, "resolved.deployment_id": 1, "resolved.market": 1}


@dataclass(frozen=True)
class Held:
    """A running execution, its owner, and how often that has shown that it lives."""

    execution_id: str
    tenure: Tenure
    beat: int
    deployment_id: str
    market: str


@dataclass(frozen=True)
class Glance:
    """What an owner has to know of what it holds."""

    tenure: Tenure
    cancel_requested: bool


@dataclass(frozen=True)
class Standing:
    """An execution's state and its latest attempt."""

    state: str
    attempt: int


@dataclass(frozen=True)
class Ended:
    """What a try's rows are judged by. `finished_at` is None as long as the execution hasn't ended."""

    deployment_id: str
    finished_at: datetime | None
    work: str


class Executions:
    """The collection `executions`."""

    def __init__(self, collection: Collection) -> None:
        self._collection = collection

    async def prepare(self) -> None:
        with translated():
            await self._collection.create_index([("state", 1), ("rank", 1)])

    async def waiting(self, now: datetime, full: Full) -> list[str]:
        """Those that may begin, by rank; less those of deployments and markets that have all that they may run."""
        with translated():
            found = self._collection.find({"state": "queued", **_may_begin(now), **_less(full)}, {"_id": 1})
            documents = await found.sort([("rank", 1)]).limit(_LOOKED_AT).to_list()
        return [each["_id"] for each in documents]

    async def running(self) -> list[Held]:
        """All that somebody holds."""
        with translated():
            documents = await self._collection.find({"state": "running"}, _LEASE).to_list()
        return [_held(each) for each in documents]

    async def standings(self, execution_ids: Sequence[str]) -> dict[str, Standing]:
        """How far each of these is, of those that there are."""
        with translated():
            documents = await self._collection.find(
                {"_id": {"$in": list(execution_ids)}}, {"state": 1, "attempt": 1}
            ).to_list()
        return {each["_id"]: Standing(each["state"], each["attempt"]) for each in documents}

    async def end_of(self, execution_id: str) -> Ended | None:
        """When it ended, if it did, and what it had to do; None: there is no such execution."""
        with translated():
            found = await self._collection.find_one(
                {"_id": execution_id}, {"finished_at": 1, "work": 1, "resolved.deployment_id": 1}
            )
        if found is None:
            return None
        return Ended(found["resolved"]["deployment_id"], found.get("finished_at"), found["work"])

    async def glance(self, execution_id: str) -> Glance | None:
        with translated():
            found = await self._collection.find_one(
                {"_id": execution_id}, {"owner": 1, "attempt": 1, "cancel_requested": 1}
            )
        if found is None:
            return None
        return Glance(Tenure(found["owner"] or "", found["attempt"]), found["cancel_requested"])


def _held(document: Document) -> Held:
    resolved = document["resolved"]
    return Held(
        execution_id=document["_id"],
        tenure=Tenure(document["owner"], document["attempt"]),
        beat=document.get("_beat", 0),
        deployment_id=resolved["deployment_id"],
        market=resolved["market"],
    )


def _less(full: Full) -> Document:
    fields = (("resolved.deployment_id", full.deployments), ("resolved.market", full.markets))
    return {name: {"$nin": sorted(values)} for name, values in fields if values}


def _may_begin(now: datetime) -> Document:
    """Those that keep no pause, whose pause is over, or whose pause no two clocks that agree could have made."""
    pauses: list[Document] = [{}, {"$lte": now}, {"$gt": now + LONGEST_PAUSE}]
    return {"$or": [{"claimable_at": each or None} for each in pauses]}


async def beat(collection: Collection, execution_id: str, tenure: Tenure) -> bool:
    """Show that the owner lives; False when the execution is no longer its own."""
    mine: Document = {"_id": execution_id, "state": "running", "owner": tenure.owner, "attempt": tenure.attempt}
    with translated():
        result = await collection.update_one(mine, {"$inc": {"_beat": 1}})
    return result.matched_count == 1
