"""Lag, and the cure for a consumer that is stuck: end the process, and let the supervisor start it again."""

import asyncio
from typing import Final

import structlog
from aiokafka.errors import KafkaError

from chassis.bus.consumer import Consumers, Subscription
from chassis.clock import Clock
from chassis.errors import BusUnavailable
from chassis.health import Health
from chassis.telemetry import CONSUMER_LAG

log = structlog.get_logger(__name__)

_EVERY_S: Final = 5.0


class ConsumerStuck(RuntimeError):
    """A consumer makes no progress while its lag grows and everything it needs is well (aiokafka#1154)."""


class Watch:
    """Measures every subscription's lag; ends the process when one is stuck for `stuck_after_s`."""

    def __init__(self, consumers: Consumers, health: Health, clock: Clock, *, stuck_after_s: float) -> None:
        self._consumers = consumers
        self._health = health
        self._clock = clock
        self._stuck_after_s = stuck_after_s
        self._progress: dict[str, tuple[int, float]] = {}

    async def run(self) -> None:
        """Look until cancelled. Raises: ConsumerStuck."""
        while True:
            await asyncio.sleep(_EVERY_S)
            for subscription in self._consumers.subscriptions:
                await self._look_at(subscription)

    async def _look_at(self, subscription: Subscription) -> None:
        try:
            lag = await _lag(subscription)
        except (KafkaError, TimeoutError, OSError):
            return
        now = self._clock.monotonic()
        handled, since = self._progress.get(subscription.group, (-1, now))
        if lag == 0 or handled != subscription.handled:
            self._progress[subscription.group] = (subscription.handled, now)
        elif now - since > self._stuck_after_s and await self._health.away() is None:
            raise ConsumerStuck(subscription.group)


async def check_member(subscription: Subscription) -> None:
    """A readiness check. Raises: BusUnavailable."""
    if subscription.consumer is None:
        raise BusUnavailable(f"{subscription.group} has not started")
    if not subscription.assignment.is_member:
        raise BusUnavailable(f"{subscription.group} has no place in its group")


async def _lag(subscription: Subscription) -> int:
    consumer = subscription.consumer
    if consumer is None:
        return 0
    held = subscription.assignment.held
    async with asyncio.timeout(_EVERY_S):
        ends = await consumer.end_offsets(held)
        total = 0
        for partition, end in ends.items():
            done = subscription.done.get(partition)
            lag = max(end - (done if done is not None else await consumer.position(partition)), 0)
            CONSUMER_LAG.labels(subscription.group, partition.topic, partition.partition).set(lag)
            total += lag
    return total
