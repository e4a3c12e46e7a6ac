import asyncio
from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupCoordinatorNotAvailableError, IllegalStateError

from chassis.bus.assignment import Assignment
from chassis.bus.consumer import Subscription, taken
from chassis.bus.line import Outcome

from .conftest import promotion, record


class FakeConsumer:
    """Knows its partitions and where it reads next, as aiokafka's does."""

    def __init__(self, held) -> None:
        self.held = set(held)
        self.committed, self.commits, self.sought = {}, 0, {}
        self.failures = 0
        self.gate = asyncio.Event()
        self.gate.set()

    def _check(self, partitions) -> None:
        if not set(partitions) <= self.held:
            raise IllegalStateError("not assigned")

    async def commit(self, offsets) -> None:
        self._check(offsets)
        await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise GroupCoordinatorNotAvailableError
        self.committed |= offsets
        self.commits += 1

    def seek(self, partition, offset) -> None:
        self._check([partition])
        self.sought[partition] = offset


HERE, GONE = TopicPartition("ml.model.requests", 1), TopicPartition("ml.model.requests", 0)


@pytest.fixture
def subscription(clock):
    made = Subscription(group="registry", topics=[HERE.topic], assignment=Assignment(clock, session_timeout_s=10))
    made.assignment.on_partitions_assigned([HERE])
    made.subscriber = SimpleNamespace(consumer=FakeConsumer([HERE]))
    return made


def batch(clock):
    ours = [record(promotion(), clock, offset=offset) for offset in (4, 5)]
    theirs = record(promotion(), clock, offset=9)
    theirs.partition = GONE.partition
    return [theirs, *ours]


async def test_what_is_put_back_is_read_again_though_another_partition_is_gone(subscription, clock):
    await subscription.settle(batch(clock), Outcome.PUT_BACK)

    assert subscription.consumer.sought == {HERE: 4}


async def test_what_is_done_is_committed_though_another_partition_is_gone(subscription, clock):
    await subscription.settle(batch(clock), Outcome.DONE)
    await subscription.prepare_to_stop()

    assert subscription.consumer.committed == {HERE: 6}


async def test_a_commit_covers_all_that_was_done_within_a_moment(subscription, clock):
    for offset in range(4, 9):
        await subscription.settle([record(promotion(), clock, offset=offset)], Outcome.DONE)
    assert subscription.consumer.commits == 0

    async with asyncio.timeout(5):
        while not subscription.done:
            await asyncio.sleep(0.01)

    assert (subscription.consumer.committed, subscription.consumer.commits) == ({HERE: 9}, 1)
    assert subscription.done == {HERE: 9}


async def test_no_more_than_some_are_done_before_their_commit(subscription, clock):
    for offset in range(1000):
        await subscription.settle([record(promotion(), clock, offset=offset)], Outcome.DONE)

    assert (subscription.consumer.committed, subscription.consumer.commits) == ({HERE: 1000}, 10)


async def test_a_stop_waits_for_a_commit_that_is_on_its_way(subscription, clock):
    subscription.consumer.gate.clear()
    await subscription.settle([record(promotion(), clock, offset=4)], Outcome.DONE)
    first, second = (asyncio.create_task(subscription.prepare_to_stop()) for _ in range(2))
    await asyncio.wait((second,), timeout=0.05)
    assert not second.done()

    subscription.consumer.gate.set()
    await asyncio.gather(first, second)

    assert subscription.consumer.committed == {HERE: 5}


async def test_the_last_record_before_a_stop_is_not_left_before_its_commit(subscription, clock):
    await subscription.prepare_to_stop()
    await subscription.settle([record(promotion(), clock, offset=4)], Outcome.DONE)

    assert subscription.consumer.committed == {HERE: 5}


async def test_what_was_done_before_a_partition_went_is_not_committed_when_it_is_back(subscription, clock):
    await subscription.settle([record(promotion(), clock, offset=4)], Outcome.DONE)
    subscription.assignment.on_partitions_revoked([HERE])
    subscription.assignment.on_partitions_assigned([HERE])
    await subscription.prepare_to_stop()

    assert subscription.consumer.commits == 0


async def test_a_handler_that_breaks_out_of_its_line_puts_the_record_back():
    async def broken() -> Outcome:
        raise KeyError("a bug in the bus itself")

    assert await taken(broken()) is Outcome.PUT_BACK


async def test_a_partition_that_went_and_came_back_is_not_behind(subscription, clock):
    await subscription.settle([record(promotion(), clock, offset=4)], Outcome.DONE)
    subscription.assignment.on_partitions_revoked([HERE])
    subscription.assignment.on_partitions_assigned([HERE])

    assert HERE not in subscription.done


async def test_a_commit_that_failed_is_made_again_though_no_other_record_comes(subscription, clock, monkeypatch):
    monkeypatch.setattr("chassis.bus.consumer._COMMIT_AGAIN_S", 0.01)
    subscription.consumer.failures = 2
    await subscription.settle([record(promotion(), clock, offset=4)], Outcome.DONE)

    async with asyncio.timeout(5):
        while not subscription.done:
            await asyncio.sleep(0.01)

    assert subscription.consumer.committed == {HERE: 5}
