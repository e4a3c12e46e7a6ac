"""Rows, results and logs of tries, which go after a day; their facts stay.

A try's rows lie at `s3://datasets/tries/<execution id>/` and are read by that execution alone. While they are there
they say that there may be results, so they go last: whoever is stopped in between begins anew.

**Why nothing is removed that may come to be read.** An execution that has ended reads nothing again. Rows of which no
execution has come are kept for as long as the request for it can still be on the bus. The registry registers
no data set there; where one of before holds such rows, or lies among them, they are no try's and stay.
"""

import re
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from chassis.clock import Clock
from chassis.documents.handled import KEPT
from chassis.garbage.heaps import Heap, Pile, Removed, in_lots, piled
from chassis.garbage.named import Records, named_in
from chassis.garbage.removal import Objects, remove_old
from chassis.garbage.turn import Turn
from chassis.objects import Location
from schemas import uris
from schemas.topics import DATASET_EVENTS
from services.executor.domain.traces import try_of
from services.executor.scoring.objects import RESULTS
from services.executor.store import Ended
from services.executor.work import Work

TRIES: Final = Location.parse(uris.TRIES)
AFTER: Final = timedelta(days=1)
_AT_ONCE: Final = 1000
_URI: Final = re.compile(rb'"uri":"(s3://datasets/[^"\\]*)"')


class Executions(Protocol):
    """What tries have come to."""

    async def end_of(self, execution_id: str) -> Ended | None: ...


@dataclass(frozen=True, kw_only=True)
class Tries:
    """`s3://datasets/tries/`, and what its executions left in the bucket of results."""

    objects: Objects
    executions: Executions
    facts: Records
    clock: Clock
    name: str = "try"

    async def heaps(self, now: datetime) -> AsyncGenerator[Heap]:
        async with aclosing(self.objects.walk(TRIES)) as listed:
            async for lot in in_lots(piled(listed, _folder), of=_AT_ONCE):
                heaps = [heap for pile in lot if (heap := await self._judged(pile, now)) is not None]
                registered = await self._registered(heaps)
                for heap in heaps:
                    if not any(_overlap(heap.pile.where, uri) for uri in registered):
                        yield heap

    async def remove(self, heap: Heap, now: datetime, turn: Turn) -> Removed:
        ended = await self.executions.end_of(heap.name)
        if self._why(heap.pile, ended, now) is None:
            return Removed()
        removed = Removed()
        for prefix in (*_results(heap.name, ended), heap.pile.where):
            removed.add(await remove_old(self.objects, prefix, before=now - AFTER, turn=turn, kind=self.name))
            if removed.spared:
                break
        return removed

    async def _judged(self, pile: Pile, now: datetime) -> Heap | None:
        execution_id = try_of(f"{pile.where.key}-") or ""
        ended = await self.executions.end_of(execution_id)
        why = self._why(pile, ended, now)
        if why is None:
            return None
        for prefix in _results(execution_id, ended):
            async with aclosing(self.objects.walk(prefix)) as listed:
                async for each in listed:
                    pile = pile.with_one(each.size_bytes, each.modified_at or now)
        return Heap(kind=self.name, name=execution_id, pile=pile, why=why)

    def _why(self, pile: Pile, ended: Ended | None, now: datetime) -> str | None:
        """Why the rows go; None: they stay."""
        if ended is None:
            return "no execution has come of these rows" if pile.youngest < now - KEPT else None
        if ended.finished_at is None or self.clock.now() - ended.finished_at < AFTER or pile.youngest >= now - AFTER:
            return None
        return "the try ended more than a day ago"

    async def _registered(self, heaps: Sequence[Heap]) -> set[str]:
        """The data sets that hold tries or lie among them."""
        if not heaps:
            return set()

        def names_in(value: bytes) -> Iterator[str]:
            for found in _URI.findall(value):
                uri = found.decode(errors="replace")
                if _overlap(TRIES, uri):
                    yield uri

        return await named_in(self.facts, DATASET_EVENTS, names_in)


def _folder(key: str) -> str | None:
    execution_id = try_of(key)
    return None if execution_id is None else f"{TRIES.key}{execution_id}/"


def _results(execution_id: str, ended: Ended | None) -> Iterator[Location]:
    """Where the results of a try lie; nowhere where the execution didn't read the rows that bear its id."""
    if ended is None:
        return
    if Work.model_validate_json(ended.work).input.uri.startswith(f"{TRIES}{execution_id}/"):
        yield Location(RESULTS, f"{ended.deployment_id}/{execution_id}/")


def _overlap(folder: Location, uri: str) -> bool:
    """Whether a data set at `uri`, an object or a folder, has anything in common with what lies in `folder`."""
    return str(folder).startswith(uri if uri.endswith("/") else f"{uri}/") or uri.startswith(str(folder))
