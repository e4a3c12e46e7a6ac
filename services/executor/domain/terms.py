"""What an execution is made of once, when it is accepted; and who holds it."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Resolved:
    """What the execution was resolved to, as its facts say it.

    Times are text: the document store would cut them to milliseconds.
    """

    execution_id: str
    deployment_id: str
    deployment_revision: int
    model_id: str
    model_version: int
    market: str
    brand: str | None
    trigger: str
    requested_by: str
    requested_at: str
    logical_date: str | None
    request_id: str


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What the deployment grants: `retries` attempts after the first, `timeout_s` seconds for each."""

    retries: int
    timeout_s: int


@dataclass(frozen=True, kw_only=True)
class Origin:
    """The event that the execution comes of, for the envelopes of all that follows."""

    event_id: str
    correlation_id: str
    traceparent: str | None


@dataclass(frozen=True)
class Tenure:
    """One owner's hold on an execution. `attempt` is the fence: it grows with every claim and never repeats."""

    owner: str
    attempt: int
