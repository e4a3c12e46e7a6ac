from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError

from chassis.bus.assignment import Assignment
from chassis.bus.consumer import Subscription, taken
from chassis.bus.line import Outcome

from .conftest import promotion, record


class FakeConsumer:
    """Knows its partitions and where it reads next, as aiokafka's does."""

    def __init__(self, held) -> None:
        self.held = set(held)
        self.committed, self.sought = {}, {}

    def _check(self, partitions) -> None:
        if not set(partitions) <= self.held:
            raise IllegalStateError("not assigned")

    async def commit(self, offsets) -> None:
        self._check(offsets)
        self.committed |= offsets

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

    assert subscription.consumer.committed == {HERE: 6}


async def test_a_handler_that_breaks_out_of_its_line_puts_the_record_back():
    async def broken() -> Outcome:
        raise KeyError("a bug in the bus itself")

    assert await taken(broken()) is Outcome.PUT_BACK


async def test_a_partition_that_went_and_came_back_is_not_behind(subscription, clock):
    await subscription.settle([record(promotion(), clock, offset=4)], Outcome.DONE)
    subscription.assignment.on_partitions_revoked([HERE])
    subscription.assignment.on_partitions_assigned([HERE])

    assert HERE not in subscription.done
