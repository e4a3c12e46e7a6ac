"""A claimed attempt is run, watched, and ended."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import structlog

from chassis.bus.perseverance import ProbeAll, through_outages, told_apart
from chassis.clock import Clock
from chassis.crash_points import CrashPoint, crash_points
from chassis.errors import Outage, PlatformError
from chassis.sandbox.child.plain_words import plain
from chassis.tasks import end, finish
from services.executor.domain.ending import Ending, Failed, Interrupted, Observed, Succeeded, TimedOut
from services.executor.domain.errors import LeaseLost
from services.executor.domain.execution import Execution
from services.executor.domain.terms import Tenure
from services.executor.moments import cause_of, now
from services.executor.ports import (
    Feed,
    FindLog,
    Glances,
    Hold,
    Leases,
    MakeJob,
    ReachObjects,
    Repository,
    Scoring,
    Watchdog,
    Watched,
)
from services.executor.scoring.errors import STORE_AWAY, ScoringCancelled, ScoringError, unforeseen
from services.executor.scoring.job import ScoringOutcome
from services.executor.telemetry import RUNNING, count
from services.executor.usecases.scoring_time import ScoringTime
from services.executor.work import job_of

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 1.0
_LEAVING_S: Final = 4.0
# How long what an attempt does may take before it is taken for stuck; a driver has the deployment's own bound.
_PREPARED_WITHIN_S: Final = 600.0
_SCORED_WITHIN: Final = 1.5
_ENDED_WITHIN_S: Final = 30.0
_GIVEN_UP: Final = Failed(code="internal", message="the scoring was given up by nobody that is known", retryable=True)


@dataclass(frozen=True, kw_only=True)
class RunAttempt:
    """Runs one attempt under its lease. Cancelled (the service stops), it gives the execution back at once."""

    executions: Repository
    glances: Glances
    make_job: MakeJob
    scoring: Scoring
    leases: Leases
    feed: Feed
    reach_objects: ReachObjects
    find_log: FindLog
    clock: Clock
    lease_s: float
    probe: ProbeAll
    watchdog: Watchdog
    look_every_s: float = LOOK_EVERY_S

    async def __call__(self, claimed: Execution) -> None:
        leaving = asyncio.Event()
        attempt = asyncio.create_task(self._attempt(claimed, leaving))
        with RUNNING.track_inprogress():
            try:
                await asyncio.wait((attempt,))
            finally:
                # Told instead of cancelled: a result that comes while it stops isn't lost.
                leaving.set()
                await finish(attempt)

    async def _attempt(self, claimed: Execution, leaving: asyncio.Event) -> None:
        tenure = Tenure(claimed.owner or "", claimed.attempt)
        with self.watchdog.over(claimed) as watched:
            watched.does("preparing", within_s=_PREPARED_WITHIN_S)
            async with self.leases.hold(claimed.execution_id, tenure) as hold:
                stops = (self._watch(claimed.execution_id, tenure, hold), _left(leaving))
                ending = await self._run(claimed, watched, *stops)
                if ending is None:
                    log.warning("lease_lost")
                else:
                    await self._commit(claimed, tenure, ending, leaving)

    async def _run(
        self, claimed: Execution, watched: Watched, *stops: Coroutine[Any, Any, Ending | None]
    ) -> Ending | None:
        """How the attempt ended, or None where it has become somebody else's."""
        used = ScoringTime(self.reach_objects)
        scoring = asyncio.create_task(self._score(claimed, used, watched))
        stopping = [asyncio.create_task(each) for each in (*stops, _timed_out(used, claimed.terms.timeout_s))]
        try:
            await asyncio.wait((scoring, *stopping), return_when=asyncio.FIRST_COMPLETED)
        finally:
            watched.does("ending", within_s=_ENDED_WITHIN_S)
            await end(scoring, *stopping)
        # A result that came while it was stopped comes first. None at all: a driver cancelled what was waited for.
        ends = [each.result() for each in (scoring, *stopping) if not each.cancelled()]
        return await self._with_log(claimed, (ends or [_GIVEN_UP])[0])

    async def _with_log(self, claimed: Execution, ending: Ending | None) -> Ending | None:
        """What was stopped, or was lost with its driver, can't say where its log lies; it was stored while it ran."""
        if ending is None or ending.log_uri or isinstance(ending, Succeeded):
            return ending
        return replace(ending, log_uri=await self.find_log(job_of(claimed).output_prefix))

    async def _score(self, claimed: Execution, used: ScoringTime, watched: Watched) -> Ending:
        def begun() -> None:
            used.begin()
            watched.does("scoring", within_s=_SCORED_WITHIN * claimed.terms.timeout_s + _ENDED_WITHIN_S)

        def answered() -> None:
            used.stop()
            watched.does("ending", within_s=_ENDED_WITHIN_S)

        try:
            job = await self.make_job(claimed)
            outcome = await self.scoring.run(
                job,
                on_begun=begun,
                on_answered=answered,
                on_progress=self.feed.of(claimed),
                lease_s=self.lease_s,
            )
        except ScoringCancelled:
            return Interrupted()
        except ScoringError as error:
            answered()
            if error.code in STORE_AWAY and await used.outage_lately():
                # No attempt is used up for it, and none is begun before the store is back.
                await through_outages(self.reach_objects, bound_s=None)
                return Interrupted()
            log.warning("attempt_failed", code=error.code, reason=error.message, **error.details)
            return _failed(error, retryable=error.retryable)
        except Exception as error:  # As in the bus: what nobody foresaw must end the attempt, not the executor.
            failure = unforeseen(error)
            log.exception("attempt_failed", code=failure.code)
            return _failed(failure, retryable=True)
        crash_points.passing(CrashPoint.SCORED)
        return _succeeded(outcome)

    async def _watch(self, execution_id: str, tenure: Tenure, hold: Hold) -> Ending | None:
        """Returns when the attempt has to stop: `Interrupted` on a cancellation, None when it is no longer ours."""
        while not hold.lost:
            self.scoring.renew(self.lease_s)
            try:
                glance = await told_apart(partial(self.glances.glance, execution_id), self.probe)
            except Outage:
                # Nobody else can claim it either; the fence decides afterwards.
                await asyncio.sleep(self.look_every_s)
                continue
            if glance is None or glance.tenure != tenure:
                return None
            if glance.cancel_requested:
                return Interrupted()
            await asyncio.sleep(self.look_every_s)
        return None

    async def _commit(self, claimed: Execution, tenure: Tenure, ending: Ending, leaving: asyncio.Event) -> None:
        """Write the end, however long the store is away; what has been won isn't thrown away by a stop."""
        writing = asyncio.create_task(through_outages(lambda: self._finish(claimed, tenure, ending), bound_s=None))
        left = asyncio.create_task(leaving.wait())
        try:
            await asyncio.wait((writing, left), return_when=asyncio.FIRST_COMPLETED)
            _, unwritten = await asyncio.wait((writing,), timeout=_LEAVING_S)
            if unwritten:
                log.warning("lease_left_to_expire")
        finally:
            await end(writing, left)
        if not writing.cancelled():
            writing.result()

    async def _finish(self, claimed: Execution, tenure: Tenure, ending: Ending) -> None:
        try:
            await told_apart(lambda: self._write(claimed, tenure, ending), self.probe)
        except LeaseLost:
            log.warning("lease_lost", ending=type(ending).__name__)
        except Exception as error:  # An end that can't be written must not keep the execution running for ever.
            if isinstance(error, PlatformError) and error.retryable:
                raise
            failure = unforeseen(error)
            log.exception("ending_not_written", code=failure.code, ending=type(ending).__name__)
            await self._write(claimed, tenure, _failed(failure, retryable=False))

    async def _write(self, claimed: Execution, tenure: Tenure, ending: Ending) -> None:
        def decide(execution: Execution | None) -> Execution | None:
            execution = Execution.existing(execution, claimed.execution_id)
            if execution.ended == tenure:
                return None  # By an earlier try, whose answer was lost.
            execution.finish(tenure, ending, now(self.clock))
            return execution

        await self.executions.change(claimed.execution_id, decide, cause_of(claimed.origin))
        count(ending)
        log.info("attempt_ended", ending=type(ending).__name__, **_reason(ending))


def _reason(ending: Ending) -> dict[str, str]:
    return {"code": ending.code} if isinstance(ending, Failed) else {}


def _failed(error: ScoringError, *, retryable: bool) -> Failed:
    """Without what no fact may hold, whoever said it."""
    return Failed(code=error.code, message=plain(error.message), retryable=retryable, log_uri=error.log_uri or None)


def _succeeded(outcome: ScoringOutcome) -> Succeeded:
    return Succeeded(
        output_uri=outcome.output_uri,
        manifest_uri=outcome.manifest_uri,
        manifest_sha256=outcome.manifest_sha256,
        rows_in=outcome.rows_in,
        rows_out=outcome.rows_out,
        rows_rejected=outcome.rows_rejected,
        metrics=outcome.metrics,
        observed=tuple(Observed(**each.model_dump()) for each in outcome.observations),
        log_uri=outcome.log_uri or None,
    )


async def _timed_out(used: ScoringTime, timeout_s: float) -> Ending:
    await used.used_up(timeout_s)
    return TimedOut()


async def _left(leaving: asyncio.Event) -> Ending:
    await leaving.wait()
    return Interrupted()
