"""Refusals: the other answer to a request."""

from pydantic import ConfigDict, Field

from schemas.event import Event, Kind, Wire
from schemas.ids import ErrorCode, RequestId
from schemas.topics import (
    DATASET_REFUSALS,
    DEPLOYMENT_REFUSALS,
    EXECUTION_REFUSALS,
    METRIC_REFUSALS,
    MODEL_REFUSALS,
)


class Violation(Wire):
    """What is wrong with one field."""

    field: str = Field(description="The field's path, such as `points.3.time`; empty for the whole.")
    message: str = Field(description="What it must be, for people.")


class RequestRejected(
    Event,
    type="ml.RequestRejected.v1",
    topic=(MODEL_REFUSALS, DATASET_REFUSALS, DEPLOYMENT_REFUSALS, EXECUTION_REFUSALS, METRIC_REFUSALS),
    kind=Kind.REFUSAL,
    subject="request_id",
):
    """A request (or an observation) is refused; nothing was changed or created by it."""

    model_config = ConfigDict(validate_by_name=True, validate_by_alias=True)

    request_id: RequestId
    request_type: str = Field(description="`ce_type` of what is refused.")
    request_subject: str = Field(alias="subject", description="`ce_subject` of what is refused; empty if it had none.")
    code: ErrorCode
    message: str = Field(description="Why, for people.")
    violations: tuple[Violation, ...] = Field(description="What is wrong with which field, where that is the reason.")
