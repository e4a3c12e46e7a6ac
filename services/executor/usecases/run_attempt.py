"""A claimed attempt is run, watched, and ended."""

import asyncio
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import structlog

from chassis.bus.perseverance import ProbeAll, through_outages, told_apart
from chassis.clock import Clock
from chassis.crash_points import CrashPoint, crash_points
from chassis.errors import Outage, PlatformError
from services.executor.domain.ending import Ending, Failed, Interrupted, Observed, Succeeded, TimedOut
from services.executor.domain.errors import LeaseLost
from services.executor.domain.execution import Execution
from services.executor.domain.terms import Tenure
from services.executor.moments import cause_of, now
from services.executor.ports import Feed, FindLog, Glances, Hold, Leases, MakeJob, ReachObjects, Repository, Scoring
from services.executor.scoring.errors import STORE_AWAY, ScoringCancelled, ScoringError
from services.executor.scoring.job import ScoringOutcome
from services.executor.telemetry import RUNNING, count
from services.executor.work import job_of

log = structlog.get_logger(__name__)

LOOK_EVERY_S: Final = 1.0
_LEAVING_S: Final = 4.0


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
    look_every_s: float = LOOK_EVERY_S

    async def __call__(self, claimed: Execution) -> None:
        tenure = Tenure(claimed.owner or "", claimed.attempt)
        with RUNNING.track_inprogress():
            await self._hold(claimed, tenure)

    async def _hold(self, claimed: Execution, tenure: Tenure) -> None:
        async with self.leases.hold(claimed.execution_id, tenure) as hold:
            try:
                ending = await self._run(claimed, tenure, hold)
            except asyncio.CancelledError:
                await self._commit(claimed, tenure, Interrupted(), within_s=_LEAVING_S)
                raise
            if ending is None:
                log.warning("lease_lost")
                return
            await self._commit(claimed, tenure, ending)

    async def _run(self, claimed: Execution, tenure: Tenure, hold: Hold) -> Ending | None:
        """How the attempt ended, or None where it has become somebody else's."""
        scoring = asyncio.create_task(self._score(claimed))
        watch = asyncio.create_task(self._watch(claimed.execution_id, tenure, hold))
        try:
            await asyncio.wait((scoring, watch), timeout=claimed.terms.timeout_s, return_when="FIRST_COMPLETED")
            ending = scoring.result() if scoring.done() else watch.result() if watch.done() else TimedOut()
        finally:
            await _stop(scoring, watch)
        return await self._with_log(claimed, ending)

    async def _with_log(self, claimed: Execution, ending: Ending | None) -> Ending | None:
        """What was stopped, or was lost with its driver, can't say where its log lies; it was stored while it ran."""
        if ending is None or ending.log_uri or isinstance(ending, Succeeded):
            return ending
        return replace(ending, log_uri=await self.find_log(job_of(claimed).output_prefix))

    async def _score(self, claimed: Execution) -> Ending:
        try:
            job = await self.make_job(claimed)
            outcome = await self.scoring.run(job, on_progress=self.feed.of(claimed), lease_s=self.lease_s)
        except ScoringCancelled:
            return Interrupted()
        except ScoringError as error:
            if error.code in STORE_AWAY and await self._outlasts_outage():
                return Interrupted()
            return Failed(
                code=error.code, message=error.message, retryable=error.retryable, log_uri=error.log_uri or None
            )
        except Exception as error:  # As in the bus: what nobody foresaw must end the attempt, not the executor.
            log.exception("attempt_failed")
            return Failed(code="internal", message=f"{type(error).__name__}: {error}", retryable=True)
        crash_points.passing(CrashPoint.SCORED)
        return _succeeded(outcome)

    async def _outlasts_outage(self) -> bool:
        """Whether the object store is away; where it is, this returns when it is back: no attempt is used up for it."""
        try:
            await self.reach_objects()
        except Outage:
            await through_outages(self.reach_objects, bound_s=None)
            return True
        return False

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

    async def _commit(
        self, claimed: Execution, tenure: Tenure, ending: Ending, *, within_s: float | None = None
    ) -> None:
        """Write the end, however long the store is away; what has been won isn't thrown away by a stop."""
        writing = asyncio.create_task(through_outages(lambda: self._finish(claimed, tenure, ending), bound_s=None))
        try:
            await asyncio.wait((writing,), timeout=within_s)
        except asyncio.CancelledError:
            await asyncio.wait((writing,), timeout=_LEAVING_S)
            raise
        finally:
            if not writing.done():
                log.warning("lease_left_to_expire")
            await _stop(writing)
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
            log.exception("ending_not_written", ending=type(ending).__name__)
            failure = Failed(code="internal", message=f"{type(error).__name__}: {error}", retryable=False)
            await self._write(claimed, tenure, failure)

    async def _write(self, claimed: Execution, tenure: Tenure, ending: Ending) -> None:
        def decide(execution: Execution | None) -> Execution:
            execution = Execution.existing(execution, claimed.execution_id)
            execution.finish(tenure, ending, now(self.clock))
            return execution

        await self.executions.change(claimed.execution_id, decide, cause_of(claimed.origin))
        count(ending)
        log.info("attempt_ended", ending=type(ending).__name__, **_reason(ending))


def _reason(ending: Ending) -> dict[str, str]:
    return {"code": ending.code} if isinstance(ending, Failed) else {}


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


async def _stop(*tasks: asyncio.Task[Any]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
