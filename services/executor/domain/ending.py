"""How an attempt ended, in its owner's words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Observed:
    """A figure among others of its name, which its labels tell it from."""

    metric: str
    value: float
    labels: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Succeeded:
    """The manifest is written; only the aggregate's word is missing."""

    output_uri: str
    manifest_uri: str
    manifest_sha256: str
    rows_in: int
    rows_out: int
    rows_rejected: int
    metrics: Mapping[str, float] = field(default_factory=dict[str, float])
    observed: Sequence[Observed] = ()
    log_uri: str | None = None


@dataclass(frozen=True, kw_only=True)
class Failed:
    """`retryable`: another attempt may succeed."""

    code: str
    message: str
    retryable: bool
    log_uri: str | None = None


@dataclass(frozen=True)
class TimedOut:
    """The attempt was stopped because its time was up."""

    log_uri: str | None = None


@dataclass(frozen=True)
class Interrupted:
    """The attempt was stopped and it was not its fault: somebody cancelled, or its executor is going away."""

    log_uri: str | None = None


Ending = Succeeded | Failed | TimedOut | Interrupted
