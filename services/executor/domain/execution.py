"""The execution: queued, run in attempts, and ended exactly once."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, Literal, Self

from schemas.event import Event
from schemas.executions import (
    ExecutionCancelling,
    ExecutionFinished,
    ExecutionMatched,
    ExecutionQueued,
    ExecutionStarted,
)
from schemas.observations import MetricPoint, MetricsObserved
from schemas.values import ErrorInfo, ExecutionStatus, OutputRef
from services.executor.domain.ending import Ending, Failed, Interrupted, Succeeded, TimedOut
from services.executor.domain.errors import AlreadyFinished, ExecutionIdConflict, ExecutionUnknown, LeaseLost
from services.executor.domain.figures import error_message, figures, labelled_points, points
from services.executor.domain.terms import Origin, Resolved, Tenure, Terms

State = Literal["queued", "running", "succeeded", "failed", "cancelled", "timed_out"]

_FIRST_PAUSE: Final = timedelta(seconds=2)
LONGEST_PAUSE: Final = timedelta(minutes=1)
_PRIORITIES: Final = {"manual": 2, "backfill": 0}
HEAD_START: Final = timedelta(minutes=10)
"""What a step of priority is worth: who has waited for so long comes before what is more urgent and new."""


@dataclass(kw_only=True)
class Execution:
    """The aggregate; `events` is what it has raised since it was loaded.

    `content` is what was asked for, to know the same request by; `work` what is to be done, frozen. Both are opaque
    here. `failures` counts attempts against the retries; those that were interrupted don't count, so it may lag behind
    `attempt`. `rank` is its place in the queue, which it keeps through all attempts. `claimable_at` is set only while a
    pause before the next attempt is kept. `paused_at` is when the latest attempt ended that another one is to follow.
    `ended` is the latest attempt that its own owner ended: who lost the store's answer can see that it was heard.
    """

    execution_id: str
    content: str
    work: str
    resolved: Resolved
    terms: Terms
    origin: Origin
    priority: int
    queued_at: datetime
    rank: datetime | None = None
    claimable_at: datetime | None = None
    state: State = "queued"
    owner: str | None = None
    attempt: int = 0
    failures: int = 0
    first_started_at: datetime | None = None
    started_at: datetime | None = None
    paused_at: datetime | None = None
    ended: Tenure | None = None
    cancel_requested: bool = False
    finished_at: datetime | None = None
    manifest_uri: str | None = None
    manifest_sha256: str | None = None
    events: list[Event] = field(default_factory=list)

    @classmethod
    def queued(cls, resolved: Resolved, *, content: str, work: str, terms: Terms, origin: Origin, at: datetime) -> Self:
        """A new one, accepted."""
        # A person waits for what they started by hand; nobody for a backfill.
        priority = _PRIORITIES.get(resolved.trigger, 1)
        made = cls(
            execution_id=resolved.execution_id,
            content=content,
            work=work,
            resolved=resolved,
            terms=terms,
            origin=origin,
            priority=priority,
            queued_at=at,
            rank=at - HEAD_START * priority,
        )
        made.events.append(ExecutionQueued.model_validate(vars(resolved)))
        return made

    @classmethod
    def existing(cls, execution: Self | None, execution_id: str) -> Self:
        """Raises: ExecutionUnknown."""
        if execution is None:
            raise ExecutionUnknown(f"there is no execution {execution_id}")
        return execution

    @property
    def has_ended(self) -> bool:
        return self.finished_at is not None

    def match(self, content: str, request_id: str) -> None:
        """Answer a request that names this id again. Raises: ExecutionIdConflict."""
        if content != self.content:
            raise ExecutionIdConflict(f"execution {self.execution_id} was asked for with other content")
        self.events.append(ExecutionMatched(execution_id=self.execution_id, request_id=request_id))

    def cancel(self, *, requested_by: str, reason: str | None, request_id: str, at: datetime) -> None:
        """Wins over everything that hasn't been written yet; what waits in the queue ends at once.

        Raises: AlreadyFinished.
        """
        if self.has_ended:
            raise AlreadyFinished(f"execution {self.execution_id} has ended: {self.state}")
        self.cancel_requested = True
        self.events.append(
            ExecutionCancelling(
                execution_id=self.execution_id, requested_by=requested_by, reason=reason, request_id=request_id
            )
        )
        if self.state == "queued":
            self._end("cancelled", at)

    def start(self, owner: str, at: datetime) -> bool:
        """Let `owner` begin an attempt, if it waits for one."""
        if self.state != "queued":
            return False
        self.owner, self.attempt, self.state = owner, self.attempt + 1, "running"
        self.first_started_at = self.first_started_at or at
        self.started_at, self.paused_at = at, None
        self.events.append(
            ExecutionStarted(execution_id=self.execution_id, attempt=self.attempt, executor_id=owner, started_at=at)
        )
        return True

    def take_over(self, lost: Tenure, owner: str, at: datetime) -> bool:
        """Let `owner` begin an attempt after another's lease was lost, which counts as a failed one.

        Ends the execution where it had been cancelled or no attempt is left.
        """
        if not self.is_held_by(lost):
            return False
        self._fail(
            Failed(code="worker-lost", message=f"the executor of attempt {self.attempt} went silent", retryable=True),
            at,
        )
        return self.start(owner, at)

    def finish(self, tenure: Tenure, ending: Ending, at: datetime) -> None:
        """The only commit point of an attempt. A cancellation that was recorded before wins over any ending.

        Raises: LeaseLost.
        """
        if not self.is_held_by(tenure):
            raise LeaseLost(f"{self.execution_id} attempt {tenure.attempt}")
        self.ended = tenure
        if self.cancel_requested:
            self._end("cancelled", at, log_uri=ending.log_uri)
            return
        match ending:
            case Succeeded():
                self._succeed(ending, at)
            case Failed():
                self._fail(ending, at)
            case TimedOut():
                message = f"the attempt took longer than {self.terms.timeout_s} s"
                error = ErrorInfo(code="timed-out", message=message)
                self._end("timed_out", at, error=error, log_uri=ending.log_uri)
            case Interrupted():
                self._wait_again(at, None)

    def is_held_by(self, tenure: Tenure) -> bool:
        return self.state == "running" and Tenure(self.owner or "", self.attempt) == tenure

    def _fail(self, failure: Failed, at: datetime) -> None:
        self.failures += 1
        if self.cancel_requested:
            self._end("cancelled", at)
        elif failure.retryable and self.failures <= self.terms.retries:
            self._wait_again(at, at + min(_FIRST_PAUSE * 2 ** (self.failures - 1), LONGEST_PAUSE))
        else:
            error = ErrorInfo(code=failure.code, message=error_message(failure.message))
            self._end("failed", at, error=error, log_uri=failure.log_uri)

    def _wait_again(self, at: datetime, claimable_at: datetime | None) -> None:
        self.state, self.owner, self.paused_at, self.claimable_at = "queued", None, at, claimable_at

    def _succeed(self, success: Succeeded, at: datetime) -> None:
        self.manifest_uri, self.manifest_sha256 = success.manifest_uri, success.manifest_sha256
        output = OutputRef(
            uri=success.output_uri, manifest_uri=success.manifest_uri, manifest_sha256=success.manifest_sha256
        )
        rows = {"rows_in": success.rows_in, "rows_out": success.rows_out, "rows_rejected": success.rows_rejected}
        measured = figures(success.metrics)
        self._end("succeeded", at, output=output, log_uri=success.log_uri, metrics=measured, **rows)
        seconds = {"duration_s": self._duration_s(at), "queue_s": self._queue_s(at)}
        self._observe(points({**measured, **figures({**rows, **seconds})}, at))
        for some in labelled_points(success.observed, at):
            self._observe(some)

    def _observe(self, some: tuple[MetricPoint, ...]) -> None:
        self.events.append(
            MetricsObserved(
                model_id=self.resolved.model_id,
                model_version=self.resolved.model_version,
                deployment_id=self.resolved.deployment_id,
                market=self.resolved.market,
                brand=self.resolved.brand,
                execution_id=self.execution_id,
                attempt=self.attempt,
                points=some,
            )
        )

    def _end(self, status: ExecutionStatus, at: datetime, **details: Any) -> None:
        self.state, self.owner, self.finished_at = status, None, at
        fields: dict[str, Any] = {
            "rows_in": 0,
            "rows_out": 0,
            "rows_rejected": 0,
            "metrics": {},
            **vars(self.resolved),
            **details,
            "attempt": self.attempt,
            "status": status,
            "started_at": self.started_at,
            "finished_at": at,
            "duration_s": self._duration_s(at),
            "queue_s": self._queue_s(at),
        }
        self.events.append(ExecutionFinished.model_validate(fields))

    def _duration_s(self, at: datetime) -> float:
        """Of the latest attempt; what is waited for the next one is nobody's work."""
        return _seconds(self.started_at, self.paused_at or at) if self.started_at else 0.0

    def _queue_s(self, at: datetime) -> float:
        return _seconds(datetime.fromisoformat(self.resolved.requested_at), self.first_started_at or at)


def _seconds(begin: datetime, end: datetime) -> float:
    """Never negative: the two times may come from two machines."""
    return max((end - begin).total_seconds(), 0.0)
