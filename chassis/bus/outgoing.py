"""An event ready to leave: its envelope, its topic, its bytes."""

from dataclasses import dataclass
from typing import Any, Self

from chassis.bus.delivery import Cause
from chassis.bus.envelope import Envelope, Headers, rfc3339
from chassis.clock import Clock, NewId
from schemas.event import Event
from schemas.topics import Topic


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """What the relay publishes, kept in an outbox as plain values until the bus has it."""

    envelope: Envelope
    topic: str
    value: bytes

    @property
    def key(self) -> bytes:
        return (self.envelope.subject or "").encode()

    @property
    def headers(self) -> Headers:
        return self.envelope.headers()

    def to_document(self) -> dict[str, Any]:
        return {**vars(self.envelope), "topic": self.topic, "value": self.value.decode()}

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> Self:
        fields = dict(document)
        topic, value = fields.pop("topic"), fields.pop("value")
        return cls(envelope=Envelope(**fields), topic=topic, value=value.encode())


@dataclass(frozen=True, kw_only=True)
class EventFactory:
    """Puts envelopes around a service's events. `source` is `/services/<name>`."""

    source: str
    clock: Clock
    new_id: NewId

    def make(self, event: Event, cause: Cause, *, sequence: int | None, topic: Topic | None = None) -> Outgoing:
        """`topic` has to be given for events that may travel on several."""
        return Outgoing(
            envelope=Envelope(
                id=self.new_id(),
                source=self.source,
                type=event.event_type,
                subject=event.subject,
                time=rfc3339(self.clock.now()),
                sequence=sequence,
                correlation_id=cause.correlation_id,
                causation_id=cause.event_id,
                traceparent=cause.traceparent,
            ),
            topic=(topic or event.topics[0]).name,
            value=event.to_json(),
        )
