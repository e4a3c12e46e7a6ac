"""Records that nobody can handle are kept byte for byte, with what was wrong with them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog

from chassis.bus.envelope import Headers, rfc3339
from chassis.bus.producer import Publisher
from chassis.bus.record import KafkaRecord
from chassis.bus.specimen import OURS, Specimen
from chassis.clock import Clock
from chassis.crash_points import CrashPoint, crash_points
from chassis.errors import BusUnavailable, Outage, TopicRefuses
from chassis.telemetry import DEAD_LETTERS
from chassis.tokens import text_without_tokens
from schemas.topics import DEAD_LETTER_MAX_BYTES, dead_letter_topic

log = structlog.get_logger(__name__)

_MESSAGE_LIMIT: Final = 2000
# Our own headers: a message of 2000 characters, each of which may take six bytes, an actor of 4 KB, and small ones.
_THEIRS_BYTES: Final = DEAD_LETTER_MAX_BYTES - 32 * 1024
# What is too large is of no use whole, and nobody shall fill a disk of ours by sending a few KB that unpack to more.
_SPECIMEN_BYTES: Final = 64 * 1024


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """The original key, bytes and headers, but for tokens and what there was no room for; and ours, which say so."""

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
        self._refused: str | None = None

    async def bury(
        self, record: KafkaRecord, *, code: str, message: str, attempts: int, actor: str | None = None
    ) -> None:
        """Keep `record`, or as much of it as there is room for.

        Raises:
            BusUnavailable: it isn't kept yet.
        """
        reason = text_without_tokens(message[:_MESSAGE_LIMIT])
        about = {
            "original-topic": record.topic,
            "original-partition": str(record.partition),
            "original-offset": str(record.offset),
            "error-code": code,
            "error-message": reason,
            "attempts": str(attempts),
            "failed-at": rfc3339(self._clock.now()),
            **({"actor": actor} if actor else {}),
        }
        await self._keep(record, about)
        crash_points.passing(CrashPoint.BURIED)
        DEAD_LETTERS.labels(record.topic, code).inc()
        log.error(
            "dead_letter",
            topic=record.topic,
            partition=record.partition,
            offset=record.offset,
            code=code,
            reason=reason,
        )

    async def check(self) -> None:
        """A readiness check. Raises: BusUnavailable."""
        if self._refused is not None:
            raise BusUnavailable(f"no dead letters can be kept: {self._refused}")

    async def _keep(self, record: KafkaRecord, about: Mapping[str, str]) -> None:
        """With what is in it; where that fails, for whatever reason, only that it was there and what was wrong."""
        at_most = _SPECIMEN_BYTES if about["error-code"] == "too-large" else None
        for room in (_THEIRS_BYTES, 0):
            try:
                specimen = Specimen.of(record, room=room, value_at_most=at_most)
                await self._publisher.publish([_letter(self._topic, specimen, about)])
            except Outage:
                raise
            except TopicRefuses as error:
                # Not the record's fault: it is kept whole when its topic takes letters again.
                self._refused = str(error)
                break
            except Exception as error:  # There is no other place: what can't be kept would hold up all others.
                self._refused = f"{self._topic}: {type(error).__name__}: {error}"
                log.exception("dead_letter_refused", topic=self._topic)
            else:
                self._refused = None
                return
        raise BusUnavailable(f"no dead letters can be kept: {self._refused}")


def _letter(topic: str, specimen: Specimen, about: Mapping[str, str]) -> DeadLetter:
    ours = {
        **about,
        **{f"{part}-bytes": size for part, size in specimen.sizes.items()},
        **({"redacted": "true"} if specimen.is_redacted else {}),
    }
    # A failure may quote half of a surrogate pair, which JSON can hold and UTF-8 can't.
    encoded = tuple((OURS + name, text.encode(errors="backslashreplace")) for name, text in ours.items())
    return DeadLetter(topic=topic, key=specimen.key, value=specimen.value, headers=specimen.headers + encoded)
