"""Records that nobody can handle are kept byte for byte, with what was wrong with them."""

from dataclasses import dataclass

import structlog

from chassis.bus.envelope import SECRET_HEADERS, Headers, rfc3339
from chassis.bus.producer import Publisher
from chassis.bus.record import KafkaRecord
from chassis.clock import Clock
from chassis.crash_points import CrashPoint, crash_points
from chassis.telemetry import DEAD_LETTERS
from schemas.topics import dead_letter_topic

log = structlog.get_logger(__name__)

_MESSAGE_LIMIT = 2000


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """The original key and bytes; the original headers but for the token, and ours."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


class DeadLetters:
    """Where a service puts what it gives up on. It returns when the bus has it: only then may the offset go on."""

    def __init__(self, publisher: Publisher, *, service: str, clock: Clock) -> None:
        self._publisher = publisher
        self._topic = dead_letter_topic(service)
        self._clock = clock

    async def bury(
        self, record: KafkaRecord, *, code: str, message: str, attempts: int, actor: str | None = None
    ) -> None:
        """Keep `record`.

        Raises:
            BusUnavailable: it isn't kept yet.
        """
        ours = {
            "dlq-original-topic": record.topic,
            "dlq-original-partition": str(record.partition),
            "dlq-original-offset": str(record.offset),
            "dlq-error-code": code,
            "dlq-error-message": message[:_MESSAGE_LIMIT],
            "dlq-attempts": str(attempts),
            "dlq-failed-at": rfc3339(self._clock.now()),
            **({"dlq-actor": actor} if actor else {}),
        }
        # A failure may quote half of a surrogate pair, which JSON can hold and UTF-8 can't; so may a header's name.
        theirs = tuple(
            (name.encode(errors="backslashreplace").decode(), value)
            for name, value in record.headers
            if name.lower() not in SECRET_HEADERS and not name.lower().startswith("dlq-")
        )
        headers = theirs + tuple((name, value.encode(errors="backslashreplace")) for name, value in ours.items())
        await self._publisher.publish(
            [DeadLetter(topic=self._topic, key=record.key, value=record.value, headers=headers)]
        )
        crash_points.passing(CrashPoint.BURIED)
        DEAD_LETTERS.labels(record.topic, code).inc()
        log.error(
            "dead_letter",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            code=code,
            reason=message[:_MESSAGE_LIMIT],
        )
