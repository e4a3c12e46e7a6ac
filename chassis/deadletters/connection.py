"""How the command reaches the bus and the document store."""

from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager

from chassis.bus.positions import Positions
from chassis.bus.producer import KafkaPublisher
from chassis.clock import SystemClock
from chassis.deadletters.letters import Letter, Which, read_letter
from chassis.deadletters.office import Office
from chassis.documents.client import connect
from chassis.documents.decisions import Decisions
from chassis.settings import KafkaSettings, MongoSettings
from schemas.topics import dead_letter_topic


class Topics:
    """The letters on the services' own topics."""

    def __init__(self, positions: Positions) -> None:
        self._positions = positions

    async def matching(self, which: Which) -> Sequence[Letter]:
        since = None if which.since is None else int(which.since.timestamp() * 1000)
        return [
            letter
            for service in which.services
            async for record in self._positions.records_in(dead_letter_topic(service), since_ms=since)
            if which.takes(letter := read_letter(service, record))
        ]

    async def at(self, service: str, partition: int, offset: int) -> Letter | None:
        """One letter; None if it isn't there."""
        record = await self._positions.record_at(dead_letter_topic(service), partition, offset)
        return None if record is None else read_letter(service, record)


@asynccontextmanager
async def opened(kafka: KafkaSettings, mongo: MongoSettings) -> AsyncGenerator[Office]:
    """The office, connected at its first use and closed with the block."""
    positions, publisher, client = Positions(kafka), KafkaPublisher(kafka), connect(mongo)
    try:
        yield Office(
            shelf=Topics(positions),
            decisions_of=lambda service: Decisions(client[service]),
            publisher=publisher,
            clock=SystemClock(),
        )
    finally:
        await publisher.stop()
        await positions.stop()
        await client.close()
