"""How the command reaches the bus and the stores: as its settings or the embedded stack's file say."""

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from pydantic import SecretStr, ValidationError

from chassis.bus.positions import Positions
from chassis.bus.producer import KafkaPublisher
from chassis.clock import SystemClock
from chassis.deadletters.letters import BadArgument, Letter, Which, read_letter
from chassis.deadletters.office import Office
from chassis.documents.client import connect
from chassis.documents.decisions import Decisions
from chassis.settings import KafkaSettings, MongoSettings
from schemas.topics import OPERATOR, dead_letter_topic

STACK_FILE: Final = Path(".run/stack.json")
_KAFKA: Final = "MLP_KAFKA_BOOTSTRAP_SERVERS"
_MONGO: Final = "MLP_MONGO_URL"


@dataclass(frozen=True)
class Connections:
    kafka: KafkaSettings
    mongo: MongoSettings


def connections(stack: Path | None, environ: Mapping[str, str]) -> Connections:
    """What `stack` says, or the settings, or the stack file of the current folder.

    Raises:
        BadArgument: none of them says enough.
    """
    if stack is None and {_KAFKA, _MONGO} <= environ.keys():
        return Connections(_kafka_from_settings(), MongoSettings())
    file = stack or STACK_FILE
    if not file.exists():
        raise BadArgument(
            f"{file} isn't there: is the stack up (`make up`), and is this its folder?"
            f" Else say where it is with --stack, or set {_KAFKA} and {_MONGO}"
        )
    try:
        content: dict[str, Any] = json.loads(file.read_text())
        return Connections(_kafka_from(content["kafka"]), MongoSettings(url=content["mongo"]["url"]))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadArgument(f"{file} can't be read as a stack's file ({type(error).__name__}: {error})") from error


def _kafka_from_settings() -> KafkaSettings:
    try:
        return KafkaSettings()
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        raise BadArgument(f"MLP_KAFKA_{str(first['loc'][0]).upper()}: {first['msg']}") from error


def _kafka_from(section: Mapping[str, Any]) -> KafkaSettings:
    credentials: dict[str, Any] = {}
    if str(section["security_protocol"]).startswith("SASL"):
        credentials = {"username": OPERATOR, "password": SecretStr(section["principals"][OPERATOR]["password"])}
    return KafkaSettings(
        bootstrap_servers=section["bootstrap_servers"],
        security_protocol=section["security_protocol"],
        sasl_mechanism=section["sasl_mechanism"],
        **credentials,
    )


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
async def opened(found: Connections) -> AsyncGenerator[Office]:
    """The office, connected at its first use and closed with the block."""
    positions, publisher, client = Positions(found.kafka), KafkaPublisher(found.kafka), connect(found.mongo)
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
