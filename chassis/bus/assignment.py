"""Whether a partition is still this process's, by its own monotonic clock."""

from collections.abc import Callable, Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition

from chassis.clock import Clock


class Assignment(ConsumerRebalanceListener):
    """Knows when the group's coordinator last answered a heartbeat, and what was taken away since.

    A process that was stopped (SIGSTOP, a frozen machine) past its session wakes up in the middle of a handler and
    can't know that its successor has answered; what it can know is how long ago it was last told that it belongs.
    `done` is how far it has taken and committed each partition since that became its own, `uncommitted` what is to be
    committed next.
    """

    def __init__(self, clock: Clock, *, session_timeout_s: float) -> None:
        self._clock = clock
        self._session_timeout_s = session_timeout_s
        self._last_heartbeat = clock.monotonic()
        self._epochs: dict[TopicPartition, int] = {}
        self._held: set[TopicPartition] = set()
        self.done: dict[TopicPartition, int] = {}
        self.uncommitted: dict[TopicPartition, int] = {}
        self._joined = False

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        for partition in revoked:
            self._epochs[partition] = self._epochs.get(partition, 0) + 1
            self._held.discard(partition)
            self.done.pop(partition, None)
            self.uncommitted.pop(partition, None)

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        self._last_heartbeat = self._clock.monotonic()
        self._held = set(assigned)
        self._joined = True

    def take_uncommitted(self) -> dict[TopicPartition, int]:
        """What is to be committed now."""
        taken, self.uncommitted = self.uncommitted, {}
        return taken

    @property
    def held(self) -> frozenset[TopicPartition]:
        return frozenset(self._held)

    @property
    def is_member(self) -> bool:
        """Whether the group's coordinator has answered within the session."""
        return self._joined and self._clock.monotonic() - self._last_heartbeat < self._session_timeout_s

    def watch(self, consumer: AIOKafkaConsumer) -> None:
        """Note each heartbeat that the coordinator accepts. aiokafka keeps that to itself, hence the private call."""
        coordinator: Any = consumer._coordinator  # noqa: SLF001  # pyright: ignore[reportPrivateUsage]
        beat = coordinator._do_heartbeat  # noqa: SLF001

        async def noted() -> bool:
            sent_at = self._clock.monotonic()
            accepted = await beat()
            if accepted:
                self._last_heartbeat = sent_at
            return accepted

        coordinator._do_heartbeat = noted  # noqa: SLF001

    def stays(self, partition: TopicPartition) -> Callable[[], bool]:
        """A test that holds from now until the partition is taken away."""
        epoch = self._epochs.get(partition, 0)
        return lambda: partition in self._held and self._epochs.get(partition, 0) == epoch

    def lives(self, partition: TopicPartition) -> Callable[[], bool]:
        """A test that holds from now until the partition may have gone to another consumer."""
        stays = self.stays(partition)

        def is_live() -> bool:
            return stays() and self._clock.monotonic() - self._last_heartbeat < self._session_timeout_s

        return is_live
