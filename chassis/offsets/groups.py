"""Consumer groups as the broker keeps them: how far each has come, and how to take one back."""

from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import CommitFailedError, KafkaError

from chassis.bus.connection import client_options
from chassis.errors import BusUnavailable
from chassis.settings import KafkaSettings
from schemas.topics import TOPICS

_ANSWER_MS: Final = 10_000
_OURS: Final = frozenset(topic.name for topic in TOPICS)


class GroupInUse(Exception):
    """The group has members, who know where they are: its service has to be stopped first."""


@dataclass(frozen=True, order=True)
class Position:
    """Where a group is in one partition: the next record that it will read, of those from `begin` to before `end`."""

    group: str
    topic: str
    partition: int
    offset: int
    begin: int
    end: int

    @property
    def lag(self) -> int:
        return max(self.end - max(self.offset, self.begin), 0)


class Groups:
    """The groups that have committed something on the platform's topics."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings

    async def positions(self, *groups: str) -> Sequence[Position]:
        """Of these groups, or of all.

        Raises:
            BusUnavailable: nobody could say.
        """
        async with self._admin() as admin, self._consumer(None) as consumer:
            names = groups or [name for name, *_ in await admin.list_consumer_groups()]
            return sorted([each for name in names for each in await _positions(name, admin, consumer)])

    async def rewind(self, group: str, topics: Collection[str] = ()) -> Sequence[Position]:
        """Take a group back to the beginning of its topics, or of some of them; where it has been.

        Raises:
            GroupInUse: it has members.
            BusUnavailable: nothing is known of what was done.
        """
        before = [each for each in await self.positions(group) if not topics or each.topic in topics]
        target = {TopicPartition(each.topic, each.partition): each.begin for each in before}
        async with self._consumer(group) as consumer:
            consumer.assign(list(target))
            try:
                if target:
                    await consumer.commit(target)
            except CommitFailedError as error:
                raise GroupInUse(group) from error
        return before

    @asynccontextmanager
    async def _admin(self) -> AsyncGenerator[AIOKafkaAdminClient]:
        client = AIOKafkaAdminClient(**client_options(self._settings), request_timeout_ms=_ANSWER_MS)
        try:
            await client.start()
            yield client
        except (KafkaError, OSError) as error:
            raise BusUnavailable(type(error).__name__) from error
        finally:
            await client.close()

    @asynccontextmanager
    async def _consumer(self, group: str | None) -> AsyncGenerator[AIOKafkaConsumer]:
        options = client_options(self._settings)
        consumer = AIOKafkaConsumer(**options, group_id=group, enable_auto_commit=False, request_timeout_ms=_ANSWER_MS)
        try:
            await consumer.start()
            yield consumer
        except (KafkaError, OSError) as error:
            raise BusUnavailable(type(error).__name__) from error
        finally:
            await consumer.stop()


async def _positions(group: str, admin: AIOKafkaAdminClient, consumer: AIOKafkaConsumer) -> list[Position]:
    committed = await admin.list_consumer_group_offsets(group)
    places = {place: each.offset for place, each in committed.items() if place.topic in _OURS}
    begins, ends = await consumer.beginning_offsets(places), await consumer.end_offsets(places)
    return [
        Position(group, place.topic, place.partition, offset, begins[place], ends[place])
        for place, offset in places.items()
    ]
