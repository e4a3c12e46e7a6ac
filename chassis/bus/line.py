"""One record after another, each taken to its end: done, refused, buried, or put back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import count
from typing import Any, Protocol, TypeVar

import structlog
from structlog.contextvars import bound_contextvars

from chassis.bus.admission import admit, read_fact, read_message, stamped_at
from chassis.bus.delivery import ANONYMOUS, Delivery
from chassis.bus.envelope import Message
from chassis.bus.perseverance import Patience, ProbeAll, against_poison, through_outages
from chassis.bus.record import KafkaRecord
from chassis.bus.request_key import RequestKey
from chassis.clock import Clock
from chassis.errors import AssignmentLost, PlatformError, Refusal
from chassis.sandbox.child.plain_words import plain
from chassis.telemetry import HANDLER_SECONDS, REFUSALS
from chassis.tokens import text_without_tokens
from schemas.event import CATALOGUE, Event, Kind
from schemas.topics import Topic

log = structlog.get_logger(__name__)

T = TypeVar("T")

Handler = Callable[[Any, Delivery], Awaitable[None]]
"""Takes an event and its delivery; raises `Refusal` for no, `Outage` for later."""


class Outcome(StrEnum):
    DONE = "done"
    REFUSED = "refused"
    DEAD_LETTER = "dead_letter"
    IGNORED = "ignored"
    PUT_BACK = "put_back"


class Refuser(Protocol):
    """Remembers and publishes refusals; knows what has been answered."""

    async def refuse(self, delivery: Delivery, message: Message, refusal: Refusal, topic: Topic) -> None: ...
    async def has_refused(self, request_key: RequestKey) -> bool: ...


class Buries(Protocol):
    """Keeps what nobody can handle, and returns when it has it."""

    async def bury(
        self, record: KafkaRecord, *, code: str, message: str, attempts: int, actor: str | None = None
    ) -> None: ...


Settled = Callable[[KafkaRecord], Awaitable[None]]
"""Told of each record that was taken to its end, before it is committed."""

Answered = Callable[[str, RequestKey], Awaitable[bool]]
"""`(subject, request key)`: whether the service has already granted this request."""


@dataclass(frozen=True, kw_only=True)
class Line:
    """How the records of one topic are handled. `answered` and `refuser` are needed where requests are taken."""

    topic: Topic
    handlers: Mapping[type[Event], Handler]
    dead_letters: Buries
    probe: ProbeAll
    clock: Clock
    refuser: Refuser | None = None
    answered: Answered | None = None
    settled: Settled | None = None
    patience: Patience = field(default_factory=Patience)

    async def handle(self, record: KafkaRecord, is_live: Callable[[], bool]) -> Outcome:
        """Take `record` to its end. Everything but PUT_BACK may be committed.

        AssignmentLost is PUT_BACK too: the record is somebody else's now.
        """
        started = self.clock.monotonic()
        try:
            outcome = await through_outages(lambda: self._settle(record, is_live))
            if self.settled is not None:
                await through_outages(partial(self._to_its_end, record, partial(self.settled, record)))
        except AssignmentLost as error:
            log.warning("assignment_lost", reason=str(error))
            outcome = Outcome.PUT_BACK
        except PlatformError as error:
            say = log.debug if error.retryable else log.error
            say("put_back", topic=record.topic, offset=record.offset, code=error.code, reason=str(error))
            outcome = Outcome.PUT_BACK
        HANDLER_SECONDS.labels(self.topic.name, outcome).observe(self.clock.monotonic() - started)
        return outcome

    async def _settle(self, record: KafkaRecord, is_live: Callable[[], bool]) -> Outcome:
        return await self._to_its_end(record, partial(self._take, record, is_live)) or Outcome.DEAD_LETTER

    async def _to_its_end(self, record: KafkaRecord, work: Callable[[], Awaitable[T]]) -> T | None:
        """What comes of `work`; None if that was a dead letter, which ends everything but an outage."""
        attempts = count()

        async def attempt() -> T:
            next(attempts)
            return await work()

        try:
            with self.patience.used() as left_s:
                return await against_poison(attempt, self.probe, bound_s=left_s)
        except PlatformError as error:
            if error.retryable:
                raise
            await self._bury(record, error.code, str(error), next(attempts))
        except Exception as error:  # The bus is where an unknown failure ends: in the dead letters.
            log.exception("handler_failed", topic=record.topic, offset=record.offset)
            await self._bury(record, "handler-failed", f"{type(error).__name__}: {plain(str(error))}", next(attempts))
        return None

    async def _bury(self, record: KafkaRecord, code: str, message: str, attempts: int) -> None:
        await self.dead_letters.bury(record, code=code, message=message, attempts=attempts)

    async def _take(self, record: KafkaRecord, is_live: Callable[[], bool]) -> Outcome:
        message = read_message(record, self.topic)
        delivery = Delivery(
            envelope=message.envelope,
            actor=ANONYMOUS,
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            timestamp=stamped_at(record),
            is_live=is_live,
        )
        with bound_contextvars(event_id=message.envelope.id, correlation_id=delivery.cause.correlation_id):
            return await self._dispatch(message, record, delivery)

    async def _dispatch(self, message: Message, record: KafkaRecord, delivery: Delivery) -> Outcome:
        asks = CATALOGUE[message.envelope.type].kind in (Kind.REQUEST, Kind.OBSERVATION)
        if asks and self.refuser is not None:
            return await self._request(message, record, delivery, self.refuser)
        return await self._call(read_fact(message, self.topic), delivery)

    async def _request(self, message: Message, record: KafkaRecord, delivery: Delivery, refuser: Refuser) -> Outcome:
        if await refuser.has_refused(delivery.request_key):
            return Outcome.IGNORED
        try:
            return await self._call(admit(message, record, self.topic, self.clock), delivery)
        except Refusal as refusal:
            subject = record.key.decode(errors="replace") if record.key else ""
            if self.answered is not None and await self.answered(subject, delivery.request_key):
                return Outcome.IGNORED
            await refuser.refuse(delivery, message, _less_tokens(refusal), self.topic)
            REFUSALS.labels(self.topic.name, refusal.code).inc()
            log.info("request_refused", code=refusal.code, subject=message.envelope.subject)
            return Outcome.REFUSED

    async def _call(self, event: Event, delivery: Delivery) -> Outcome:
        handler = self.handlers.get(type(event))
        if handler is None:
            return Outcome.IGNORED
        await handler(event, delivery)
        return Outcome.DONE


def _less_tokens(refusal: Refusal) -> Refusal:
    """It may quote what the asker wrote, and everybody reads it."""
    refusal.message = text_without_tokens(refusal.message)
    refusal.violations = tuple(
        each.model_copy(update={"field": text_without_tokens(each.field), "message": text_without_tokens(each.message)})
        for each in refusal.violations
    )
    return refusal
