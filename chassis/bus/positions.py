"""Where topics end, and what stands on them: asked by those who keep replicas or look at dead letters."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, KafkaError
from aiokafka.partitioner import murmur2

from chassis.bus.connection import client_options
from chassis.bus.record import KafkaRecord
from chassis.bus.unpacking import read_whatever_comes
from chassis.errors import BusUnavailable
from chassis.settings import KafkaSettings

log = structlog.get_logger(__name__)

_READ_TIMEOUT_MS = 2_000
_COMMITTED_S = 5.0


class Positions:
    """A consumer without a group, started at its first use."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._consumer: AIOKafkaConsumer | None = None
        self._starting = asyncio.Lock()
        read_whatever_comes()

    async def partition_of(self, topic: str, key: str) -> int:
        """The partition that holds `key`, by the partitioner that all of Kafka's clients share."""
        return (murmur2(key.encode()) & 0x7FFFFFFF) % len(await self.partitions_of(topic))

    async def partitions_of(self, topic: str) -> Sequence[int]:
        """All partitions.

        Raises:
            BusUnavailable: nobody could say.
        """
        consumer = await self._started()
        partitions = consumer.partitions_for_topic(topic)
        if not partitions:
            # A group-less consumer knows no topics until it is told of one.
            await consumer._client.add_topic(topic)  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
            partitions = consumer.partitions_for_topic(topic)
        if not partitions:
            raise BusUnavailable(f"no metadata for {topic}")
        return sorted(partitions)

    async def end_of(self, topic: str, partition: int) -> int:
        """The offset that the next record of this partition will have.

        Raises:
            BusUnavailable: nobody could say.
        """
        consumer = await self._started()
        where = TopicPartition(topic, partition)
        try:
            return (await consumer.end_offsets([where]))[where]
        except (KafkaError, OSError) as error:
            raise BusUnavailable(type(error).__name__) from error

    async def records_of(self, topic: str, key: str) -> AsyncIterator[KafkaRecord]:
        """All records of one key from the beginning to the partition's present end, in order."""
        where = TopicPartition(topic, await self.partition_of(topic, key))
        async with aclosing(self._read(await self._stretches([where]))) as records:
            async for record in records:
                if record.key == key.encode():
                    yield record

    async def records_in(self, topic: str, *, since_ms: int | None = None) -> AsyncIterator[KafkaRecord]:
        """All records of a topic, or those written since then, to its present end; each partition's in order.

        Raises:
            BusUnavailable: nobody could say.
        """
        partitions = [TopicPartition(topic, each) for each in await self.partitions_of(topic)]
        async with aclosing(self._read(await self._stretches(partitions, since_ms=since_ms))) as records:
            async for record in records:
                yield record

    async def record_at(self, topic: str, partition: int, offset: int) -> KafkaRecord | None:
        """One record; None if it is no longer there, or not yet.

        Raises:
            BusUnavailable: nobody could say.
        """
        if partition not in await self.partitions_of(topic):
            return None
        where = TopicPartition(topic, partition)
        kept = (await self._stretches([where]))[where]
        if offset not in kept:
            return None
        async with aclosing(self._read({where: range(offset, offset + 1)})) as records:
            async for record in records:
                return record
        return None

    async def _stretches(
        self, partitions: Sequence[TopicPartition], *, since_ms: int | None = None
    ) -> dict[TopicPartition, range]:
        """The offsets that the partitions have now, or had got since then."""
        consumer = await self._started()
        try:
            first = await consumer.beginning_offsets(partitions)
            end = await consumer.end_offsets(partitions)
            if since_ms is not None:
                found = await consumer.offsets_for_times(dict.fromkeys(partitions, since_ms))
                first = {each: found[each].offset if found[each] else end[each] for each in partitions}
        except (KafkaError, OSError) as error:
            raise BusUnavailable(type(error).__name__) from error
        return {each: range(first[each], end[each]) for each in partitions}

    async def _read(self, stretches: Mapping[TopicPartition, range]) -> AsyncGenerator[KafkaRecord, None]:
        waiting = {where: offsets.stop for where, offsets in stretches.items() if offsets}
        if not waiting:
            return
        consumer = AIOKafkaConsumer(**client_options(self._settings), auto_offset_reset="earliest")
        try:
            await consumer.start()
            consumer.assign(list(waiting))
            for where in waiting:
                consumer.seek(where, stretches[where].start)
            while waiting:
                for where, records in (await consumer.getmany(*waiting, timeout_ms=_READ_TIMEOUT_MS)).items():
                    for record in records:
                        if record.offset in stretches[where]:
                            yield record
                waiting = {each: end for each, end in waiting.items() if await consumer.position(each) < end}
        except (KafkaError, OSError) as error:
            raise BusUnavailable(type(error).__name__) from error
        finally:
            await consumer.stop()

    async def committed(self, group: str, topic: str, partition: int) -> int:
        """What `group` has said that it has done with on this partition: the offset after its last record, or 0.

        Raises:
            BusUnavailable: nobody could say.
        """
        consumer = AIOKafkaConsumer(**client_options(self._settings), group_id=group, enable_auto_commit=False)
        try:
            async with asyncio.timeout(_COMMITTED_S):
                await consumer.start()
                return await consumer.committed(TopicPartition(topic, partition)) or 0
        except (KafkaError, OSError, TimeoutError) as error:
            raise BusUnavailable(type(error).__name__) from error
        finally:
            await consumer.stop()

    async def rewind(self, group: str, topic: str, seen: Mapping[int, int]) -> None:
        """Take `group` back to `seen`, an offset by partition, where it has committed a greater one.

        Changes nothing while the group has members, which know what they have seen.

        Raises:
            BusUnavailable: nobody could say.
        """
        partitions = [TopicPartition(topic, each) for each in await self.partitions_of(topic)]
        consumer = AIOKafkaConsumer(**client_options(self._settings), group_id=group, enable_auto_commit=False)
        try:
            await consumer.start()
            consumer.assign(partitions)
            committed = {each: await consumer.committed(each) or 0 for each in partitions}
            behind = {each: seen.get(each.partition, 0) for each in partitions}
            behind = {each: offset for each, offset in behind.items() if offset < committed[each]}
            if behind:
                await consumer.commit(behind)
                log.warning("group_rewound", group=group, topic=topic, partitions=len(behind))
        except CommitFailedError:
            return
        except (KafkaError, OSError) as error:
            raise BusUnavailable(type(error).__name__) from error
        finally:
            await consumer.stop()

    async def stop(self) -> None:
        if self._consumer is not None:
            await self._consumer.stop()
            self._consumer = None

    async def _started(self) -> AIOKafkaConsumer:
        async with self._starting:
            if self._consumer is None:
                consumer = AIOKafkaConsumer(**client_options(self._settings), request_timeout_ms=5_000)
                try:
                    await consumer.start()
                except (KafkaError, OSError) as error:
                    await consumer.stop()
                    raise BusUnavailable(type(error).__name__) from error
                self._consumer = consumer
            return self._consumer
