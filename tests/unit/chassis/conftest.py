"""Fakes of the chassis' ports, and records as the broker would hand them over."""

import json
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiokafka import ConsumerRecord

from chassis.bus.dead_letters import DeadLetters
from chassis.bus.line import Line
from chassis.documents.relay import Relay
from chassis.errors import BusUnavailable
from schemas.topics import METRIC_OBSERVATIONS, MODEL_REQUESTS, Topic
from tests.unit.chassis.outboxes import Outboxes


class HeldClock:
    def __init__(self) -> None:
        self.moment = datetime(2026, 3, 3, 12, 0, tzinfo=UTC)
        self.seconds = 1000.0

    def now(self) -> datetime:
        return self.moment

    def monotonic(self) -> float:
        return self.seconds

    def pass_time(self, seconds: float) -> None:
        self.seconds += seconds
        self.moment += timedelta(seconds=seconds)


@dataclass
class FakePublisher:
    published: list[Any] = field(default_factory=list)
    failures: int = 0

    async def publish(self, records: Any) -> None:
        if self.failures:
            self.failures -= 1
            raise BusUnavailable("switched off by the test")
        self.published.extend(records)


@dataclass
class FakeRefuser:
    refused: dict[str, str] = field(default_factory=dict)
    refusals: list[Any] = field(default_factory=list)

    async def refuse(self, delivery: Any, message: Any, refusal: Any, topic: Topic) -> None:
        delivery.ensure_live()
        self.refusals.append(refusal)
        self.refused[delivery.request_key] = refusal.code

    async def has_refused(self, request_key) -> bool:
        return request_key in self.refused


def promotion(**changes: Any) -> dict[str, Any]:
    return {"model_id": "demand", "version": 3, "alias": "champion", **changes}


def record(
    body: Any,
    clock: HeldClock,
    *,
    ce_type: str = "ml.VersionPromotionRequested.v1",
    topic: Topic = MODEL_REQUESTS,
    key: bytes | None = b"demand",
    headers: dict[str, bytes | None] | None = None,
    age_s: float = 0.0,
    offset: int = 7,
) -> ConsumerRecord[bytes, bytes]:
    value = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    defaults: dict[str, bytes | None] = {
        "ce_specversion": b"1.0",
        "ce_id": str(uuid.uuid4()).encode(),
        "ce_source": b"/upstream/erp",
        "ce_type": ce_type.encode(),
        "content-type": b"application/json",
    }
    merged = {**defaults, **(headers or {})}
    stamp = int((clock.now() - timedelta(seconds=age_s)).timestamp() * 1000)
    present = [(name, text) for name, text in merged.items() if text is not None]
    return ConsumerRecord(topic.name, 1, offset, stamp, 1, key, value, None, 0, 0, tuple(present))


@pytest.fixture
def clock() -> HeldClock:
    return HeldClock()


@pytest.fixture
def publisher() -> FakePublisher:
    return FakePublisher()


@pytest.fixture
def refuser() -> FakeRefuser:
    return FakeRefuser()


@pytest.fixture
def outboxes():
    return Outboxes()


@pytest.fixture
def relay(bus, outboxes, clock):
    """Serves `outboxes` to the test's own `bus`."""
    made = Relay(bus, clock)
    made.serve(outboxes)
    return made


@pytest.fixture
def make_line(clock, publisher, refuser):
    async def all_well() -> str | None:
        return None

    def make(handlers: Any, *, topic: Topic = MODEL_REQUESTS, **options: Any) -> Line:
        return Line(
            topic=topic,
            handlers=handlers,
            dead_letters=DeadLetters(publisher, service="registry", clock=clock),
            probe=options.pop("probe", all_well),
            clock=clock,
            refuser=refuser,
            **options,
        )

    return make


__all__ = ["METRIC_OBSERVATIONS", "FakePublisher", "FakeRefuser", "HeldClock", "promotion", "record"]
