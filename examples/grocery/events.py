"""CloudEvents 1.0 in Kafka's binary mode: attributes are headers, the body is JSON. An upstream needs no more."""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from secrets import token_hex
from typing import Any
from uuid import uuid4

SOURCE = "/upstream/grocery-demo"


@dataclass(frozen=True)
class Message:
    """An event, sent or received. `type` is without its `ml.` and version: `ModelRegistered`."""

    topic: str
    type: str
    subject: str
    data: dict[str, Any]
    correlation_id: str
    causation_id: str | None = None
    source: str = SOURCE
    sequence: int | None = None
    id: str = field(default_factory=lambda: str(uuid4()))
    time: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def key(self) -> bytes:
        return self.subject.encode()

    def body(self) -> bytes:
        return json.dumps(self.data).encode()

    def headers(self) -> list[tuple[str, bytes]]:
        attributes = {
            "ce_specversion": "1.0",
            "ce_id": self.id,
            "ce_source": self.source,
            "ce_type": f"ml.{self.type}.v1",
            "ce_time": self.time.isoformat(),
            "ce_subject": self.subject,
            "ce_correlationid": self.correlation_id,
            "content-type": "application/json",
            "traceparent": f"00-{self.correlation_id.replace('-', '')}-{token_hex(8)}-01",
        }
        if self.causation_id is not None:
            attributes["ce_causationid"] = self.causation_id
        return [(name, value.encode()) for name, value in attributes.items()]


def read_message(topic: str, headers: Iterable[tuple[str, bytes]], body: bytes) -> Message:
    values = {name: value.decode() for name, value in headers}
    sequence = values.get("ce_sequence")
    return Message(
        topic=topic,
        type=values["ce_type"].removeprefix("ml.").rsplit(".", 1)[0],
        subject=values["ce_subject"],
        data=json.loads(body),
        correlation_id=values.get("ce_correlationid", ""),
        causation_id=values.get("ce_causationid"),
        source=values["ce_source"],
        sequence=None if sequence is None else int(sequence),
        id=values["ce_id"],
        time=datetime.fromisoformat(values["ce_time"]),
    )
