from types import SimpleNamespace

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from chassis.bus.assignment import Assignment
from chassis.bus.consumer import Subscription
from chassis.bus.watch import ConsumerStuck, Watch

HERE = TopicPartition("ml.model.requests", 1)


class World:
    """A consumer that stands at offset 5 of 9, and everything that it needs."""

    def __init__(self, clock) -> None:
        self.clock = clock
        self.bus_is_there = True
        self.reason = None
        self.subscription = Subscription(
            group="registry", topics=[HERE.topic], assignment=Assignment(clock, session_timeout_s=10)
        )
        self.subscription.assignment.on_partitions_assigned([HERE])
        self.subscription.subscriber = SimpleNamespace(consumer=self)
        self.watch = Watch(
            SimpleNamespace(subscriptions=[self.subscription]), SimpleNamespace(away=self.away), stuck_after_s=60
        )

    async def end_offsets(self, partitions):
        if not self.bus_is_there:
            raise KafkaError
        return dict.fromkeys(partitions, 9)

    async def position(self, partition):
        return 5

    async def away(self):
        return self.reason

    async def look(self, seconds) -> None:
        for _ in range(int(seconds / 5)):
            self.clock.pass_time(5)
            await self.watch.look()


@pytest.fixture
def world(clock):
    return World(clock)


async def test_no_progress_with_lag_while_all_is_well_ends_the_process(world):
    with pytest.raises(ConsumerStuck):
        await world.look(90)


async def test_progress_starts_the_count_again(world):
    for _ in range(5):
        await world.look(50)
        world.subscription.handled += 1


async def test_a_dependency_that_was_away_for_long_does_not_count_when_it_is_back(world):
    world.reason = "documents: away"
    await world.look(600)
    world.reason = None

    await world.look(30)


async def test_a_bus_that_was_away_for_long_does_not_count_when_it_is_back(world):
    world.bus_is_there = False
    await world.look(600)
    world.bus_is_there = True

    await world.look(30)


async def test_a_process_that_was_stopped_for_long_does_not_end_when_it_wakes(world, clock):
    await world.look(10)
    clock.pass_time(600)

    await world.look(30)
