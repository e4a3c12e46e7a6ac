"""A consumer that gets its records twice, late and out of order, as often as the chances say and always the same way.

    with disordered(seed=7):
        service = build(settings)

Every line of a service that is built within delivers records again, some of them after later ones; makes them wait;
and, where nothing is kept of how far it has read, changes neighbours. Kafka itself never does the last, but senders do.
Batches want `overtaken=0`: what is held back has to be stored with the batch that it came in.
"""

import asyncio
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field, fields
from random import Random
from typing import Any, Final
from unittest.mock import patch

from chassis.bus.line import Line, Outcome
from chassis.bus.record import KafkaRecord
from chassis.service import Service

_REMEMBERED: Final = 20
_HELD_BACK_S: Final = 0.3

Arrived = tuple[KafkaRecord, Callable[[], bool]]


@dataclass(frozen=True)
class Chances:
    """How likely it is that a record comes again, that earlier ones do, that it waits, that it is overtaken."""

    again: float = 0.2
    earlier: float = 0.2
    late: float = 0.1
    overtaken: float = 0.2
    late_s: float = 0.1


class Counts:
    """What a line has been told beside what it should have been."""

    repeated = 0
    overtaken = 0


@dataclass(frozen=True, kw_only=True)
class DisorderedLine(Line):
    """A line that is handed its records one at a time, but not as they came."""

    random: Random
    chances: Chances = Chances()
    counts: Counts = field(default_factory=Counts)
    _past: list[Arrived] = field(default_factory=list[Arrived])
    _held_back: list[Arrived] = field(default_factory=list[Arrived])
    _releases: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def handle(self, record: KafkaRecord, is_live: Callable[[], bool]) -> Outcome:
        """Take `record`, and others again, to their ends; or keep it until the next one has come."""
        async with self._turn:
            if self._may_be_overtaken():
                self._hold_back((record, is_live))
                return Outcome.DONE
            if self._happens(self.chances.late):
                await asyncio.sleep(self.random.uniform(0, self.chances.late_s))
            outcome = await super().handle(record, is_live)
            if outcome is not Outcome.PUT_BACK:
                self._past.append((record, is_live))
                await self._repeat(record, is_live)
            await self._release()
            return outcome

    async def _repeat(self, record: KafkaRecord, is_live: Callable[[], bool]) -> None:
        del self._past[:-_REMEMBERED]
        again: list[Arrived] = []
        if self._happens(self.chances.earlier):
            again += self.random.choices(self._past, k=self.random.randint(1, 3))
        if self._happens(self.chances.again):
            again.append((record, is_live))
        for each in again:
            self.counts.repeated += 1
            await super().handle(*each)

    def _may_be_overtaken(self) -> bool:
        return self.settled is None and not self._held_back and self._happens(self.chances.overtaken)

    def _hold_back(self, arrived: Arrived) -> None:
        self._held_back.append(arrived)
        release = asyncio.create_task(self._release_in_the_end())
        self._releases.add(release)
        release.add_done_callback(self._releases.discard)

    async def _release_in_the_end(self) -> None:
        await asyncio.sleep(_HELD_BACK_S)
        async with self._turn:
            await self._release()

    async def _release(self) -> None:
        while self._held_back:
            self.counts.overtaken += 1
            self._past.append(self._held_back[0])
            await super().handle(*self._held_back.pop())

    def _happens(self, chance: float) -> bool:
        return self.random.random() < chance


@contextmanager
def disordered(*, seed: int, chances: Chances | None = None) -> Generator[Counts]:
    """Services built within have lines like these; how much disorder there was, all lines together."""
    random, counts, orderly = Random(seed), Counts(), Service.line  # noqa: S311 - chance that can be had again

    def line(service: Service, *arguments: Any, **options: Any) -> Line:
        made = orderly(service, *arguments, **options)
        given = {each.name: getattr(made, each.name) for each in fields(made)}
        return DisorderedLine(**given, random=random, chances=chances or Chances(), counts=counts)

    with patch.object(Service, "line", line):
        yield counts
