"""Executions: one run of a deployment, from the request to its one end."""

from typing import Annotated

from pydantic import Field

from schemas.event import Event, Kind, Wire
from schemas.ids import (
    Brand,
    DeploymentId,
    ExecutionId,
    MetricName,
    ModelId,
    ModelVersion,
    RequestId,
    Revision,
    Subject,
)
from schemas.scalars import Count, Line, Number, Ordinal, Params, Seconds, UtcTime
from schemas.topics import EXECUTION_EVENTS, EXECUTION_PROGRESS, EXECUTION_REQUESTS
from schemas.values import ErrorInfo, ExecutionStatus, InputRef, Market, OutputRef, Reason, ResultUri, Trigger

Attempt = Annotated[Ordinal, Field(description="Which attempt, from 1.")]
LogicalDate = Annotated[UtcTime, Field(description="The time that the run is for; its date is `{{ ds }}`.")]


class ExecutionRequested(
    Event, type="ml.ExecutionRequested.v1", topic=EXECUTION_REQUESTS, kind=Kind.REQUEST, subject="execution_id"
):
    """Run a deployment once."""

    execution_id: ExecutionId
    deployment_id: DeploymentId
    trigger: Trigger = Field(description="What set it off; `schedule`, `dependency` and `backfill` are the platform's.")
    params: Params = Field(default_factory=dict, description="Parameters that differ from the deployment's.")
    input: InputRef | None = Field(default=None, description="Another input than the deployment's.")
    logical_date: LogicalDate | None = None
    deployment_revision: Revision | None = Field(
        default=None, description="Wait until the deployment is at least at this revision."
    )


class ExecutionCancellationRequested(
    Event,
    type="ml.ExecutionCancellationRequested.v1",
    topic=EXECUTION_REQUESTS,
    kind=Kind.REQUEST,
    subject="execution_id",
):
    """Stop an execution."""

    execution_id: ExecutionId
    reason: Reason | None = None


class ExecutionFields(Wire):
    """What an execution was resolved to, once, for all its attempts."""

    execution_id: ExecutionId
    deployment_id: DeploymentId
    deployment_revision: Revision
    model_id: ModelId
    model_version: ModelVersion
    market: Market
    brand: Brand | None = None
    trigger: Trigger = Field(description="What set it off.")
    requested_by: Subject
    requested_at: UtcTime = Field(description="When it was asked for.")
    logical_date: LogicalDate | None = None
    request_id: RequestId


class ExecutionQueued(
    ExecutionFields,
    Event,
    type="ml.ExecutionQueued.v1",
    topic=EXECUTION_EVENTS,
    kind=Kind.FACT,
    subject="execution_id",
):
    """An execution is accepted; alias, revision and parameters are resolved. What it reads is listed when it begins."""


class ExecutionMatched(
    Event, type="ml.ExecutionMatched.v1", topic=EXECUTION_EVENTS, kind=Kind.FACT, subject="execution_id"
):
    """What was asked for already is this execution."""

    execution_id: ExecutionId
    request_id: RequestId


class ExecutionStarted(
    Event, type="ml.ExecutionStarted.v1", topic=EXECUTION_EVENTS, kind=Kind.FACT, subject="execution_id"
):
    """An attempt has begun."""

    execution_id: ExecutionId
    attempt: Attempt
    executor_id: Line = Field(description="The executor process that holds the lease.")
    started_at: UtcTime = Field(description="When the attempt began.")


class ExecutionCancelling(
    Event, type="ml.ExecutionCancelling.v1", topic=EXECUTION_EVENTS, kind=Kind.FACT, subject="execution_id"
):
    """An execution is being stopped; its end follows."""

    execution_id: ExecutionId
    requested_by: Subject
    reason: Reason | None = None
    request_id: RequestId


class ExecutionFinished(
    ExecutionFields,
    Event,
    type="ml.ExecutionFinished.v1",
    topic=EXECUTION_EVENTS,
    kind=Kind.FACT,
    subject="execution_id",
):
    """The one end of an execution."""

    attempt: Count = Field(description="The attempt that ended it; 0 if none began.")
    status: ExecutionStatus = Field(description="How it ended.")
    started_at: UtcTime | None = Field(default=None, description="When the last attempt began.")
    finished_at: UtcTime = Field(description="When it ended.")
    duration_s: Seconds = Field(description="From the last attempt's beginning to the end; 0 if none began.")
    queue_s: Seconds = Field(description="From the request to the first attempt's beginning, or to the end.")
    rows_in: Count = Field(description="Rows read.")
    rows_out: Count = Field(description="Rows scored and written.")
    rows_rejected: Count = Field(description="Rows set aside with their reason.")
    output: OutputRef | None = Field(default=None, description="Where the results lie.")
    metrics: dict[MetricName, Number] = Field(max_length=1000, description="Figures of the run, by name.")
    error: ErrorInfo | None = Field(default=None, description="Why it did not succeed.")
    log_uri: ResultUri | None = Field(default=None, description="The log.")


class ExecutionProgressed(
    Event, type="ml.ExecutionProgressed.v1", topic=EXECUTION_PROGRESS, kind=Kind.PROGRESS, subject="execution_id"
):
    """How far an attempt is: at most once a second, lossy, of no consequence once the execution has finished."""

    execution_id: ExecutionId
    attempt: Attempt
    rows_done: Count = Field(description="Rows scored so far.")
    rows_total: Count | None = Field(default=None, description="Rows of the input, where known.")
    splits_done: Count = Field(description="Splits finished so far.")
    splits_total: Count = Field(description="Splits of the input.")
