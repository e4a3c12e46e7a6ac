"""Lag, and the cure for a consumer that is stuck: end the process, and let the supervisor start it again."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import structlog
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from chassis.bus.consumer import Consumers, Subscription
from chassis.errors import BusUnavailable
from chassis.health import Health
from chassis.telemetry import CONSUMER_LAG

log = structlog.get_logger(__name__)

_EVERY_S: Final = 5.0


class ConsumerStuck(RuntimeError):
    """A consumer makes no progress while its lag grows and everything it needs is well (aiokafka#1154)."""


@dataclass(frozen=True)
class _Stall:
    """How much a subscription had handled, and how many looks ago that was already so."""

    handled: int
    looks: int = 0


class Watch:
    """Measures every subscription's lag; ends the process when one is stuck for `stuck_after_s`.

    Time counts only as far as it was watched: not while the process was stopped, nor while a dependency was away.
    """

    def __init__(self, consumers: Consumers, health: Health, *, stuck_after_s: float) -> None:
        self._consumers = consumers
        self._health = health
        self._stuck_after_s = stuck_after_s
        self._stalls: dict[str, _Stall] = {}
        self._shown: set[tuple[str, TopicPartition]] = set()

    async def run(self) -> None:
        """Look until cancelled. Raises: ConsumerStuck."""
        while True:
            await asyncio.sleep(_EVERY_S)
            await self.look()

    async def look(self) -> None:
        """Look at every subscription once. Raises: ConsumerStuck."""
        for subscription in self._consumers.subscriptions:
            await self._look_at(subscription)

    async def _look_at(self, subscription: Subscription) -> None:
        try:
            lags = await _lags(subscription)
        except (KafkaError, TimeoutError, OSError):
            lags = {}
        self._show(subscription.group, lags)
        before = self._stalls.get(subscription.group, _Stall(handled=-1))
        is_stalled = any(lags.values()) and before.handled == subscription.handled and await self._health.away() is None
        stall = _Stall(subscription.handled, looks=before.looks + 1 if is_stalled else 0)
        self._stalls[subscription.group] = stall
        if stall.looks * _EVERY_S > self._stuck_after_s:
            log.error("consumer_stuck", group=subscription.group, lag=sum(lags.values()), for_s=stall.looks * _EVERY_S)
            raise ConsumerStuck(subscription.group)

    def _show(self, group: str, lags: Mapping[TopicPartition, int]) -> None:
        for partition, lag in lags.items():
            CONSUMER_LAG.labels(group, partition.topic, partition.partition).set(lag)
        now = {(group, partition) for partition in lags}
        for _, partition in (gone := {each for each in self._shown if each[0] == group} - now):
            CONSUMER_LAG.remove(group, partition.topic, partition.partition)
        self._shown = (self._shown - gone) | now


async def check_member(subscription: Subscription) -> None:
    """A readiness check. Raises: BusUnavailable."""
    if subscription.consumer is None:
        raise BusUnavailable(f"{subscription.group} has not started")
    if not subscription.assignment.is_member:
        raise BusUnavailable(f"{subscription.group} has no place in its group")


async def _lags(subscription: Subscription) -> dict[TopicPartition, int]:
    consumer = subscription.consumer
    if consumer is None:
        return {}
    held = subscription.assignment.held
    async with asyncio.timeout(_EVERY_S):
        ends = await consumer.end_offsets(held)
        lags: dict[TopicPartition, int] = {}
        for partition, end in ends.items():
            done = subscription.done.get(partition)
            lags[partition] = max(end - (done if done is not None else await consumer.position(partition)), 0)
    return lags
