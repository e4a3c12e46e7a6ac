"""Collects garbage: a pass over all its kinds now and then, by one process of a service at a time."""

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Protocol

import structlog

from chassis.bus.perseverance import ProbeAll, through_outages, told_apart
from chassis.clock import Clock
from chassis.errors import AssignmentLost, Outage, PlatformError
from chassis.garbage.heaps import Heap, Kind, Removed
from chassis.garbage.telemetry import ENDED, FAILURES, PASSES, UNEXPLAINED
from chassis.garbage.turn import Turn, Turns
from chassis.object_errors import ObjectError

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 60.0
_START_WITHIN_S: Final = 600.0
_CLOCKS_DIFFER: Final = timedelta(minutes=10)


class StoreClock(Protocol):
    """The object store's own clock."""

    async def now(self, bucket: str) -> datetime: ...


@dataclass(kw_only=True)
class Report:
    """What a pass came to: removed by kind, unexplained objects by kind, addresses that couldn't be removed."""

    removed: dict[str, Removed] = field(default_factory=dict[str, Removed])
    unexplained: dict[str, int] = field(default_factory=dict[str, int])
    failures: int = 0

    def add(self, heap: Heap, removed: Removed) -> None:
        self.removed.setdefault(heap.kind, Removed()).add(removed)

    def leave(self, heap: Heap) -> None:
        self.unexplained[heap.kind] = self.unexplained.get(heap.kind, 0) + heap.pile.objects


@dataclass(frozen=True, kw_only=True)
class Kinds:
    """All kinds of a service's garbage. `bucket` is one that the store's clock can be asked of."""

    all: Sequence[Kind]
    store: StoreClock
    bucket: str

    async def heaps(self) -> AsyncGenerator[tuple[Kind, Heap, datetime]]:
        """All that lies there now, with its kind and the store's time when that was looked at."""
        for kind in self.all:
            now = await self.store.now(self.bucket)
            async with aclosing(kind.heaps(now)) as heaps:
                async for heap in heaps:
                    yield kind, heap, now

    async def remove(self, turn: Turn) -> Report:
        """Remove what goes. What the store refuses to remove stays, and is in nobody's way.

        Raises:
            AssignmentLost: the turn has gone to somebody else.
            Outage: a store is away.
        """
        report = Report()
        async with aclosing(self.heaps()) as heaps:
            async for kind, heap, now in heaps:
                if heap.goes:
                    await _removed(report, kind, heap, now, turn)
                else:
                    report.leave(heap)
        return report


async def _removed(report: Report, kind: Kind, heap: Heap, now: datetime, turn: Turn) -> None:
    try:
        removed = await kind.remove(heap, now, turn)
    except ObjectError as error:
        report.failures += 1
        FAILURES.labels(heap.kind, error.code).inc()
        log.warning("garbage_not_removed", kind=heap.kind, where=str(heap.pile.where), code=error.code)
        return
    report.add(heap, removed)
    if removed.objects:
        log.info(
            "garbage_removed",
            kind=heap.kind,
            where=str(heap.pile.where),
            objects=removed.objects,
            size_bytes=removed.size_bytes,
            why=heap.why,
        )


class Collector:
    """Passes over all kinds whenever the last pass of any process is long enough ago."""

    def __init__(self, kinds: Kinds, turns: Turns, *, every_s: float, clock: Clock, probe: ProbeAll) -> None:
        self._kinds, self._turns = kinds, turns
        self._every_s, self._clock, self._probe = every_s, clock, probe

    async def run(self) -> None:
        """Collect until cancelled; begins at a time of its own, so that processes started together don't."""
        if not self._every_s:
            await asyncio.Event().wait()
        look_every_s = min(self._every_s, LOOK_EVERY_S)
        await asyncio.sleep(random.uniform(0, min(self._every_s, _START_WITHIN_S)))  # noqa: S311
        while True:
            await through_outages(self.look, bound_s=None)
            await asyncio.sleep(look_every_s)

    async def look(self) -> Report | None:
        """Make a pass if it is time for one and nobody else does; what it came to.

        Raises:
            Outage: a store is away; nothing is lost by it but time.
        """
        if not self._is_due(await self._turns.ended_at()):
            return None
        turn = await self._turns.take()
        return None if turn is None else await self._pass(turn)

    def _is_due(self, ended_at: datetime | None) -> bool:
        if ended_at is None:
            return True
        ENDED.set(ended_at.timestamp())
        since = self._clock.now() - ended_at
        # An end that lies ahead was written by a clock that was wrong, or is read by one.
        return since >= timedelta(seconds=self._every_s) or since < -_CLOCKS_DIFFER

    async def _pass(self, turn: Turn) -> Report | None:
        try:
            report = await self._removed(turn)
        except AssignmentLost:
            PASSES.labels("lost").inc()
            log.warning("garbage_turn_lost")
            return None
        except Outage:
            PASSES.labels("failed").inc()
            raise
        if report is not None:
            self._tell(report)
        return report

    async def _removed(self, turn: Turn) -> Report | None:
        try:
            report = await told_apart(lambda: turn.hold.while_held(self._kinds.remove(turn)), self._probe)
        except Exception as error:  # What nobody foresaw must not end the service that is tidied up after.
            if isinstance(error, PlatformError) and error.retryable:
                raise
            PASSES.labels("failed").inc()
            log.exception("garbage_pass_failed")
            await turn.give_up(self._clock.now())
            return None
        await turn.end(self._clock.now())
        return report

    def _tell(self, report: Report) -> None:
        PASSES.labels("done").inc()
        ENDED.set(self._clock.now().timestamp())
        for kind in self._kinds.all:
            UNEXPLAINED.labels(kind.name).set(report.unexplained.get(kind.name, 0))
        log.info(
            "garbage_collected",
            objects=sum(each.objects for each in report.removed.values()),
            size_bytes=sum(each.size_bytes for each in report.removed.values()),
            unexplained=sum(report.unexplained.values()),
            failures=report.failures,
        )
