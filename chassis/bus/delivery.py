"""One record on its way through a handler."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from chassis.bus.envelope import Envelope
from chassis.bus.request_key import ANONYMOUS as ANONYMOUS_CLIENT
from chassis.bus.request_key import RequestKey
from chassis.errors import AssignmentLost

ANYWHERE: Final = "*"


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who asks, as it was decided when the request came in; the token itself travels no further.

    `client` is whom the token was issued to.
    """

    subject: str
    client: str = ANONYMOUS_CLIENT
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
    def request_key(self) -> RequestKey:
        """The same for the same request, however often it is delivered, and for no other."""
        return RequestKey.of(client=self.actor.client, source=self.envelope.source, request_id=self.envelope.id)

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
