"""One record on its way through a handler."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.bus.envelope import Envelope
from chassis.errors import AssignmentLost

ANYWHERE: Final = "*"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who asks, as it was decided when the request came in; the token itself travels no further."""

    subject: str
    markets: frozenset[str] = frozenset({ANYWHERE})
    roles: frozenset[str] = frozenset()
    is_scheduler: bool = False


ANONYMOUS: Final = Actor(subject="anonymous")


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What an event comes of, as it is written on it."""

    event_id: str | None
    correlation_id: str
    traceparent: str | None = None

    @classmethod
    def of(cls, envelope: Envelope) -> "Cause":
        """The cause that `envelope` is for whatever it brings about."""
        return cls(
            event_id=envelope.id,
            correlation_id=envelope.correlation_id or envelope.id,
            traceparent=envelope.traceparent,
        )


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """Where a record came from, who sent it, and whether it is still this process's to answer."""

    envelope: Envelope
    actor: Actor
    topic: str
    partition: int
    offset: int
    timestamp: datetime
    is_live: Callable[[], bool] = lambda: True

    @property
    def request_key(self) -> str:
        """`ce_source/ce_id`: the same request has the same, however often it is delivered."""
        return self.envelope.key

    @property
    def request_id(self) -> str:
        return self.envelope.id

    @property
    def cause(self) -> Cause:
        return Cause.of(self.envelope)

    def ensure_live(self) -> None:
        """Called right before a write.

        Raises:
            AssignmentLost: this process may have been stopped past its session; its successor answers.
        """
        if not self.is_live():
            raise AssignmentLost(f"{self.topic}/{self.partition}@{self.offset}")
