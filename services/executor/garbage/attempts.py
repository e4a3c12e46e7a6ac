"""What attempts wrote that no fact names.

**Why nothing is removed that is or may come to be named.** A fact that names an output or a log is raised by the write
that ends its execution, and names the attempt that the execution is at (`Execution.finish`; a take-over and a
cancellation name none). An execution that has ended never changes again, and whoever still writes under an attempt of
it has lost the fence. So what is decided of an ended execution, read once, holds for ever; of one that hasn't ended
nothing is decided. A store of documents that was restored knows the same ends, or fewer: an execution whose end it has
forgotten is one that hasn't ended, or that it doesn't know. It may come to another end then, at a later attempt, than
the one that others have been told: therefore what facts on the bus name is asked as well.
"""

import re
from collections.abc import AsyncGenerator, Iterator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from chassis.garbage.heaps import Heap, Pile, Removed, in_lots, piled
from chassis.garbage.named import Records, named_in
from chassis.garbage.removal import Objects, remove_old
from chassis.garbage.turn import Turn
from chassis.objects import Location
from schemas.topics import EXECUTION_EVENTS
from services.executor.domain.traces import LOG, MANIFEST, Fate, Trace
from services.executor.scoring.objects import RESULTS
from services.executor.store import Standing

_AT_ONCE: Final = 1000
_NAMED: Final = re.compile(rb's3://results/([^"\\]+)')
_CLOCKS_DIFFER: Final = timedelta(days=1)
"""The bus may be asked for too much; its clock and the object store's don't have to agree."""


class Executions(Protocol):
    """How far executions are."""

    async def standings(self, execution_ids: Sequence[str]) -> Mapping[str, Standing]: ...


@dataclass(frozen=True, kw_only=True)
class Attempts:
    """The bucket of results, but for what isn't an attempt's."""

    objects: Objects
    executions: Executions
    facts: Records
    after: timedelta
    name: str = "attempt"

    async def heaps(self, now: datetime) -> AsyncGenerator[Heap]:
        """A lot of piles at a time: what a lot is judged by fits into memory."""
        async with aclosing(self.objects.walk(Location(RESULTS, ""))) as listed:
            async for lot in in_lots(piled(listed, _address), of=_AT_ONCE):
                old = [pile for pile in lot if pile.youngest < now - self.after]
                for heap in await self._judged(old):
                    yield heap

    async def remove(self, heap: Heap, now: datetime, turn: Turn) -> Removed:
        trace = _trace(heap.pile)
        standings = await self.executions.standings([trace.execution_id])
        if _fate(trace, standings)[0] is not Fate.GARBAGE:
            return Removed()
        return await remove_old(
            self.objects,
            heap.pile.where,
            before=now - self.after,
            turn=turn,
            kind=self.name,
            spared=lambda key: key == trace.prefix + LOG and not trace.is_log,
        )

    async def _judged(self, piles: Sequence[Pile]) -> list[Heap]:
        standings = await self.executions.standings(sorted({_trace(pile).execution_id for pile in piles}))
        heaps: list[Heap] = []
        for pile in piles:
            trace = _trace(pile)
            fate, why = _fate(trace, standings)
            if fate is not Fate.KEPT:
                name, goes = _fact_name(trace, standings), fate is Fate.GARBAGE
                heaps.append(Heap(kind=self.name, name=name, pile=pile, why=why, goes=goes))
        named = await self._named([heap for heap in heaps if heap.goes])
        return [heap for heap in heaps if heap.name not in named or not heap.goes]

    async def _named(self, heaps: Sequence[Heap]) -> set[str]:
        """The names of those that a fact names all the same."""
        if not heaps:
            return set()
        wanted = {heap.name for heap in heaps}

        def names_in(value: bytes) -> Iterator[str]:
            for found in _NAMED.findall(value):
                key = found.decode(errors="replace")
                trace = Trace.of(key) or Trace.of(f"{key}-")
                yield from wanted.intersection((key,) if trace is None else (key, trace.prefix))

        since = min(heap.pile.oldest for heap in heaps) - _CLOCKS_DIFFER
        return await named_in(self.facts, EXECUTION_EVENTS, names_in, since=since)


def _address(key: str) -> str | None:
    trace = Trace.of(key)
    return None if trace is None else trace.address


def _trace(pile: Pile) -> Trace:
    key = pile.where.key
    trace = Trace.of(key) or Trace.of(f"{key}-")
    if trace is None:
        raise ValueError(f"{pile.where} is no attempt's")
    return trace


def _fate(trace: Trace, standings: Mapping[str, Standing]) -> tuple[Fate, str]:
    standing = standings.get(trace.execution_id)
    return trace.fate(None, 0) if standing is None else trace.fate(standing.state, standing.attempt)


def _fact_name(trace: Trace, standings: Mapping[str, Standing]) -> str:
    """What a fact would say if it named it: anything of an earlier attempt, of the latest more than the log."""
    standing = standings.get(trace.execution_id)
    is_latest = standing is not None and standing.attempt == trace.attempt
    return trace.prefix + MANIFEST if is_latest else trace.prefix
