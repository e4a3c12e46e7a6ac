"""Inspects in the background what was registered by earlier rules: one at a time, and only while nobody waits."""

import asyncio
from collections import Counter, deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final, Literal

import structlog

from chassis.bus.perseverance import ProbeAll, is_outage, through_outages, told_apart
from chassis.clock import Clock
from chassis.documents.client import Document
from chassis.documents.hold import Hold
from chassis.documents.leases import Lease, Observer, claim, give_back, release
from chassis.errors import AssignmentLost, Outage, PlatformError
from chassis.tasks import finish
from services.registry.domain.inspection import RULES, Verdict
from services.registry.due import Due
from services.registry.refusals import NotInspected
from services.registry.telemetry import DUE, INSPECTED

log = structlog.get_logger(__name__)

_AHEAD: Final = 100
Outcome = Literal["fit", "unfit", "not_due", "put_off"]


@dataclass(frozen=True)
class Pace:
    """In seconds: between two versions; until it looks again where there was nothing to do.

    All versions are looked through every `seek_every_s`, and what couldn't be had is tried again after `put_off_s`.
    """

    pause_s: float = 1.0
    look_again_s: float = 10.0
    seek_every_s: float = 600.0
    put_off_s: float = 3600.0


class SandboxAway(Outage):
    """Nothing can be inspected here."""

    code = "sandbox-unavailable"


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is to be done: `seek` names the versions that are due, `inspect` does it, `nobody_waits` says when."""

    seek: Callable[[int], Awaitable[list[str]]]
    inspect: Callable[[str], Awaitable[Verdict | None]]
    nobody_waits: Callable[[], Awaitable[bool]]
    probe: ProbeAll


class Reinspection:
    """One registry's share of it. Of several, one inspects each version."""

    def __init__(
        self, due: Due, task: Task, *, clock: Clock, owner: str, lease_s: float, max_attempts: int, pace: Pace
    ) -> None:
        self._due = due
        self._task = task
        self._clock = clock
        self._owner = owner
        self._lease_s = lease_s
        self._max_attempts = max_attempts
        self._pace = pace
        self._observer = Observer(clock, lease_s)
        self._ahead: deque[str] = deque()
        self._sought_at = float("-inf")
        self._done: Counter[Outcome] = Counter()

    async def run(self) -> None:
        """Work until cancelled; then give back what is unfinished."""
        while True:
            worked = await through_outages(self.step, bound_s=None)
            await asyncio.sleep(self._pace.pause_s if worked else self._pace.look_again_s)

    async def step(self) -> bool:
        """Inspect the next one; False where there is none, or somebody waits for an answer."""
        await self._seek_now_and_then()
        if not await self._task.nobody_waits():
            return False
        document = await self._next()
        return document is not None and await self._take(document)

    async def _seek_now_and_then(self) -> None:
        # Again and again: a registry of before may run beside this one, and register by its own rules.
        if self._clock.monotonic() - self._sought_at < self._pace.seek_every_s:
            return
        found = await self._task.seek(RULES)
        if found:
            await self._due.add(found, RULES)
            log.info("versions_due", rules=RULES, versions=len(found))
        self._sought_at = self._clock.monotonic()

    async def _next(self) -> Document | None:
        if not self._ahead:
            waiting = await self._due.waiting(RULES, self._clock.now(), at_most=_AHEAD)
            self._ahead.extend(waiting.next)
            self._report(waiting.count)
        while self._ahead:
            document = await self._due.read(self._ahead.popleft())
            if document is not None and self._observer.is_lost(document):
                return document
        return None

    def _report(self, left: int) -> None:
        DUE.set(left)
        if self._done:
            log.info("versions_inspected", rules=RULES, left=left, **self._done)
            self._done.clear()

    async def _take(self, document: Document) -> bool:
        collection = self._due.collection
        # Others may have seen the claim long before this process, if it is stopped now, sees that it was granted.
        claimed_at = self._clock.monotonic()
        lease = await claim(collection, document, self._owner)
        if lease is None:
            return True
        self._observer.forget(lease.document_id)
        hold = Hold(collection, lease, since=claimed_at, clock=self._clock, lease_s=self._lease_s)
        try:
            await hold.while_held(self._work(lease))
        except AssignmentLost:
            log.warning("lease_lost", version=lease.document_id)
        except asyncio.CancelledError:
            await finish(give_back(collection, lease))
            raise
        except Outage:
            await release(collection, lease)
            raise
        return True

    async def _work(self, lease: Lease) -> None:
        outcome = await self._outcome(lease)
        if outcome == "put_off":
            until = self._clock.now() + timedelta(seconds=self._pace.put_off_s)
            await through_outages(partial(self._due.put_off, lease, until), bound_s=None)
        else:
            await through_outages(partial(self._due.remove, lease), bound_s=None)
            DUE.dec()
        INSPECTED.labels(outcome).inc()
        self._done[outcome] += 1

    async def _outcome(self, lease: Lease) -> Outcome:
        """Only what an inspection said of the right bytes is a verdict; everything else is put off.

        Raises:
            Outage: something is away that all inspections need.
        """
        which = lease.document_id
        if lease.attempts > self._max_attempts:
            log.error("inspection_put_off", version=which, attempts=lease.attempts - 1)
            return "put_off"
        try:
            verdict = await told_apart(partial(self._task.inspect, which), self._task.probe)
        except NotInspected as error:
            raise SandboxAway(str(error)) from error
        except PlatformError as error:
            if is_outage(error) and (away := await self._task.probe()) is not None:
                raise Outage(away) from error
            log.error("inspection_put_off", version=which, code=error.code, reason=str(error))  # noqa: TRY400 - known
            return "put_off"
        except Exception:  # As in the worker: one that can't be done must not keep the others from it.
            log.exception("inspection_put_off", version=which)
            return "put_off"
        if verdict is None:
            return "not_due"
        return "fit" if verdict.unfit is None else "unfit"
