"""Answers waiting requests under leases: each subject's in order of arrival, several subjects at a time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

import structlog
from structlog.contextvars import bound_contextvars

from chassis.bus.delivery import Delivery
from chassis.bus.envelope import Message
from chassis.bus.line import Answered, Handler, Refuser
from chassis.bus.perseverance import ProbeAll, against_poison, is_outage, through_outages
from chassis.clock import Clock
from chassis.documents.client import Document
from chassis.documents.hold import Hold
from chassis.documents.leases import Lease, Observer, give_back
from chassis.errors import AssignmentLost, PlatformError, Refusal
from chassis.sandbox.child.plain_words import plain
from chassis.tasks import TaskGroup, finish
from chassis.telemetry import REFUSALS
from schemas.event import Event
from schemas.topics import DATASET_REQUESTS, MODEL_REQUESTS
from services.registry.queues import Queue
from services.registry.refusals import RegistrationFailed
from services.registry.slots import Failing, Slot, Slots
from services.registry.waiting import Accepted, Registrations

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S: Final = 1.0
_TOPICS: Final = {topic.name: topic for topic in (MODEL_REQUESTS, DATASET_REQUESTS)}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """How waiting requests are answered. `answered` is told a topic, a subject and a request key."""

    answers: Mapping[type[Event], Handler]
    answered: Mapping[str, Answered]
    refuser: Refuser
    probe: ProbeAll

    async def settle(self, accepted: Accepted, delivery: Delivery) -> None:
        """Answer, unless it has been answered: by a fact or by a refusal."""
        if await self._is_answered(accepted, delivery):
            return
        try:
            await against_poison(partial(self._answer, accepted, delivery), self.probe)
        except Refusal as refusal:
            await self.refuse(accepted, delivery, refusal)
        except Exception as error:  # As in the bus: what fails for ever must end, and here an answer is owed.
            if isinstance(error, PlatformError) and error.retryable:
                raise
            log.exception("registration_failed", request_id=delivery.request_id)
            await self.refuse(accepted, delivery, RegistrationFailed("it could not be registered"))

    async def refuse(self, accepted: Accepted, delivery: Delivery, refusal: Refusal) -> None:
        """Refuse, unless it has been answered."""
        if await self._is_answered(accepted, delivery):
            return
        await self.refuser.refuse(delivery, Message(delivery.envelope, {}), refusal, _TOPICS[delivery.topic])
        REFUSALS.labels(delivery.topic, refusal.code).inc()
        log.info("request_refused", code=refusal.code, subject=accepted.subject)

    async def _answer(self, accepted: Accepted, delivery: Delivery) -> None:
        event = accepted.event
        await self.answers[type(event)](event, delivery)

    async def _is_answered(self, accepted: Accepted, delivery: Delivery) -> bool:
        if await self.refuser.has_refused(delivery.request_key):
            return True
        return await self.answered[delivery.topic](accepted.subject, delivery.request_key)


class Worker:
    """Takes the head of each subject's queue whose lease is free or lost."""

    def __init__(
        self,
        registrations: Registrations,
        desk: Desk,
        *,
        clock: Clock,
        owner: str,
        lease_s: float,
        slots: Slots,
        max_attempts: int,
    ) -> None:
        self._registrations = registrations
        self._desk = desk
        self._clock = clock
        self._owner = owner
        self._lease_s = lease_s
        self._slots = slots
        self._max_attempts = max_attempts
        self._observer = Observer(clock, lease_s)
        self._busy: set[str] = set()
        # Thousands of subjects may wait, each for moments only: they aren't listed for every slot that gets free.
        self._ahead: deque[Queue] = deque()
        self._listed_at = float("-inf")

    async def run(self) -> None:
        """Work until cancelled; then give back what is unfinished."""
        async with TaskGroup() as tasks:
            while True:
                await through_outages(partial(self._fill_slots, tasks), bound_s=None)
                await self._registrations.woken(_LOOK_AGAIN_S)

    async def _fill_slots(self, tasks: TaskGroup) -> None:
        if self._slots.are_taken:
            return
        if not self._ahead or self._clock.monotonic() - self._listed_at >= _LOOK_AGAIN_S:
            self._listed_at = self._clock.monotonic()
            self._ahead = deque(await self._registrations.queues())
        while self._ahead and not self._slots.are_taken:
            queue = self._ahead.popleft()
            if queue.about not in self._busy:
                await self._look_at(queue, tasks)

    async def _look_at(self, queue: Queue, tasks: TaskGroup) -> None:
        head = await self._registrations.head(queue)
        if head is not None and self._observer.is_lost(head):
            await self._take(head, tasks)

    async def _take(self, head: Document, tasks: TaskGroup) -> None:
        # Others may have seen the claim long before this process, if it is stopped now, sees that it was granted.
        claimed_at = self._clock.monotonic()
        claimed = await self._claim(head, slot := await self._slots.take())
        if claimed is None:
            return
        self._observer.forget(head["_id"])
        self._busy.add(head["about"])
        task = tasks.create_task(self._work(*claimed, claimed_at, slot))
        task.add_done_callback(lambda _: self._free(head["about"], slot))

    async def _claim(self, head: Document, slot: Slot) -> tuple[Accepted, Lease] | None:
        claimed = None
        try:
            claimed = await self._registrations.claim(head, self._owner)
        finally:
            if claimed is None:
                slot.end()
        return claimed

    def _free(self, about: str, slot: Slot) -> None:
        self._busy.discard(about)
        slot.end()

    async def _work(self, accepted: Accepted, lease: Lease, claimed_at: float, slot: Slot) -> None:
        collection = self._registrations.collection
        hold = Hold(collection, lease, since=claimed_at, clock=self._clock, lease_s=self._lease_s)
        delivery = accepted.delivery(hold.is_live)
        with bound_contextvars(event_id=delivery.request_id, correlation_id=delivery.cause.correlation_id):
            try:
                await hold.while_held(self._patiently(accepted, delivery, lease, slot))
            except AssignmentLost:
                log.warning("lease_lost", request_id=delivery.request_id)
            except asyncio.CancelledError:
                await finish(give_back(collection, lease))
                raise

    async def _patiently(self, accepted: Accepted, delivery: Delivery, lease: Lease, slot: Slot) -> None:
        """Answer, however long what it takes is away, and in nobody's way meanwhile."""
        failing = Failing(self._clock.monotonic, self._slots.patience.alone_s)
        finish = partial(self._finish, accepted, delivery, lease)
        while (error := await _outage_of(through_outages(finish, bound_s=self._slots.patience.at_once_s))) is not None:
            if failing.is_alone_for_long(error, is_away=await self._desk.probe() is not None):
                await through_outages(partial(self._give_up, accepted, delivery, lease, error), bound_s=None)
                break
            await slot.rest(self._slots.patience.rest_s)
        failing.ends()

    async def _give_up(self, accepted: Accepted, delivery: Delivery, lease: Lease, error: PlatformError) -> None:
        log.error("registration_failed", request_id=delivery.request_id, code=error.code, reason=str(error))
        failing = RegistrationFailed(
            f"what it needs kept failing, and is well otherwise: {error.code}, {plain(str(error))};"
            " the registry's log has more of it, for its operators"
        )
        await self._desk.refuse(accepted, delivery, failing)
        await self._registrations.remove(accepted, lease)

    async def _finish(self, accepted: Accepted, delivery: Delivery, lease: Lease) -> None:
        if lease.attempts > self._max_attempts:
            log.error("registration_failed", request_id=delivery.request_id, attempts=lease.attempts - 1)
            refusal = RegistrationFailed(f"{self._max_attempts} workers ended while they worked on it")
            await self._desk.refuse(accepted, delivery, refusal)
        else:
            await self._desk.settle(accepted, delivery)
        await self._registrations.remove(accepted, lease)


async def _outage_of(work: Awaitable[None]) -> PlatformError | None:
    try:
        await work
    except PlatformError as error:
        if not is_outage(error):
            raise
        return error
    return None
