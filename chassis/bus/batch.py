"""Records by the hundred, where one at a time is too slow: a failing batch is halved until the guilty one is alone."""

from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Final

import structlog

from chassis.bus.delivery import Delivery
from chassis.bus.line import Handler, Line, Outcome
from chassis.bus.perseverance import POISON_ATTEMPTS, Patience, against_poison, through_outages
from chassis.bus.record import KafkaRecord
from chassis.errors import PlatformError
from chassis.sandbox.child.plain_words import plain
from schemas.event import Event

log = structlog.get_logger(__name__)

_PATIENT_FOR_S: Final = 30.0
# As objects they are some ten times the size of their JSON, and a fetch of some MB may unpack to hundreds.
_BYTES_AT_ONCE: Final = 8 * 1024 * 1024

IsLiveOf = Callable[[KafkaRecord], Callable[[], bool]]
Taken = tuple[Event, Delivery]
Store = Callable[[Sequence[Taken]], Awaitable[None]]
"""Stores any number of events, all or nothing; storing one twice changes nothing."""


class BatchLine:
    """Lines whose handlers only check; what passes is stored together.

    Refusals and unreadable records end one by one in the lines, as they do anywhere else.
    """

    def __init__(self, lines: Iterable[Line], store: Store) -> None:
        self._taken: list[tuple[Taken, KafkaRecord]] = []
        self._record: KafkaRecord | None = None
        self._store = store
        self._patience = Patience()
        self.lines = {line.topic.name: self._collecting(line) for line in lines}
        self._clock = next(iter(self.lines.values())).clock
        self._since = self._clock.monotonic()

    @property
    def topics(self) -> Sequence[str]:
        return list(self.lines)

    async def handle(self, records: Sequence[KafkaRecord], is_live_of: IsLiveOf) -> Outcome:
        """Take all of `records` to their end, or PUT_BACK: none of them may be committed then."""
        self._since = self._clock.monotonic()
        for some in _in_bytes(records):
            if await self._handle(some, is_live_of) is Outcome.PUT_BACK:
                return Outcome.PUT_BACK
        return Outcome.DONE

    async def _handle(self, records: Sequence[KafkaRecord], is_live_of: IsLiveOf) -> Outcome:
        self._taken = []
        for record in records:
            self._record = record
            outcome = await self.lines[record.topic].handle(record, is_live_of(record))
            if outcome is Outcome.PUT_BACK:
                return outcome
        try:
            await self._keep(self._taken)
        except PlatformError as error:
            say = log.debug if error.retryable else log.error
            say("put_back", records=len(records), code=error.code, reason=str(error))
            return Outcome.PUT_BACK
        return Outcome.DONE

    def _collecting(self, line: Line) -> Line:
        def collect_after(check: Handler) -> Handler:
            async def collect(event: Event, delivery: Delivery) -> None:
                await check(event, delivery)
                if self._record is not None:
                    self._taken.append(((event, delivery), self._record))

            return collect

        handlers = {kind: collect_after(check) for kind, check in line.handlers.items()}
        return replace(line, handlers=handlers, patience=self._patience)

    async def _keep(self, taken: Sequence[tuple[Taken, KafkaRecord]]) -> None:
        if not taken:
            return
        probe = self.lines[taken[0][1].topic].probe
        attempts = POISON_ATTEMPTS if len(taken) == 1 and not self._is_late else 1
        events = [each for each, _ in taken]
        try:
            with self._patience.used() as left_s:
                await through_outages(
                    lambda: against_poison(lambda: self._store(events), probe, attempts=attempts, bound_s=left_s)
                )
        except PlatformError as error:
            if error.retryable:
                raise
            await self._halve(taken, error.code, error, attempts)
        except Exception as error:  # noqa: BLE001 - the bus is where an unknown failure ends: in the dead letters.
            await self._halve(taken, "handler-failed", error, attempts)

    @property
    def _is_late(self) -> bool:
        # Many guilty ones, each tried for seconds, would take the batch past `max.poll.interval`, for ever anew.
        return self._clock.monotonic() - self._since > _PATIENT_FOR_S

    async def _halve(
        self, taken: Sequence[tuple[Taken, KafkaRecord]], code: str, error: Exception, attempts: int
    ) -> None:
        if len(taken) > 1:
            middle = len(taken) // 2
            await self._keep(taken[:middle])
            await self._keep(taken[middle:])
            return
        record = taken[0][1]
        # Without its trace: a batch may be full of guilty ones.
        log.error("handler_failed", topic=record.topic, offset=record.offset, reason=f"{type(error).__name__}: {error}")
        message = f"{type(error).__name__}: {plain(str(error))}"
        await through_outages(
            lambda: self.lines[record.topic].dead_letters.bury(record, code=code, message=message, attempts=attempts)
        )


def _in_bytes(records: Iterable[KafkaRecord]) -> Iterator[list[KafkaRecord]]:
    """`records` in their order, so many at a time as may be in memory as objects."""
    some: list[KafkaRecord] = []
    size = 0
    for record in records:
        more = len(record.value or b"")
        if some and size + more > _BYTES_AT_ONCE:
            yield some
            some, size = [], 0
        some.append(record)
        size += more
    if some:
        yield some
