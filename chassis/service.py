"""What a service is made of, and the order in which it starts and stops."""

import asyncio
import signal
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from functools import partial
from typing import TypeVar

import structlog

from chassis.bus.batch import BatchLine, Store
from chassis.bus.connection import ping as reach_bus
from chassis.bus.consumer import Consumers, Subscription
from chassis.bus.dead_letters import DeadLetters
from chassis.bus.line import Answered, Handler, Line, Outcome
from chassis.bus.outgoing import EventFactory
from chassis.bus.perseverance import through_outages, told_apart
from chassis.bus.positions import Positions
from chassis.bus.producer import KafkaPublisher
from chassis.bus.record import KafkaRecord
from chassis.bus.watch import Watch, check_member
from chassis.clock import SystemClock, new_id
from chassis.crash_points import crash_points
from chassis.documents.aggregates import Aggregate, Aggregates
from chassis.documents.client import connect, ping
from chassis.documents.decisions import Decisions
from chassis.documents.handled import Handled
from chassis.documents.parts import Fold, PartFold
from chassis.documents.refusals import Refusals
from chassis.documents.relay import BeforePublish, Relay
from chassis.documents.replicas import Replica
from chassis.documents.rereading import Rereading, Witness
from chassis.errors import PlatformError
from chassis.health import Health
from chassis.last_resort import end_process
from chassis.logs import configure_logs
from chassis.objects import Objects
from chassis.settings import ChassisSettings
from chassis.tasks import TaskGroup, cancellable, end
from chassis.web import health_server
from schemas.event import Event
from schemas.topics import Topic

log = structlog.get_logger(__name__)

A = TypeVar("A", bound=Aggregate)
Step = Callable[[], Awaitable[None]]


class Service:
    """A service before and while it runs: `app.py` joins its parts, `run` brings them to life.

    Everything is made here and nothing is connected before `run`, so that a test can look at it or replace a part.
    """

    def __init__(self, name: str, settings: ChassisSettings) -> None:
        self.name = name
        self.settings = settings
        crash_points.arm(name, settings.fault)
        self.clock = SystemClock()
        self.health = Health()
        self.mongo = connect(settings.mongo)
        self.database = self.mongo[name]
        self.objects = Objects(settings.s3)
        self.publisher = KafkaPublisher(settings.kafka)
        self.relay = Relay(self.publisher, self.clock)
        self.events = EventFactory(source=f"/services/{name}", clock=self.clock, new_id=new_id)
        self.refusals = Refusals(self.database, events=self.events, wake=self.relay.wake)
        self.dead_letters = DeadLetters(self.publisher, service=name, clock=self.clock)
        self.consumers = Consumers(settings.kafka, service=name, clock=self.clock)
        self.positions = Positions(settings.kafka)
        self.rereading = Rereading(Decisions(self.database), self.positions, clock=self.clock, new_id=new_id)
        self._preparations: list[Step] = [self.refusals.prepare, self.relay.prepare, self.rereading.prepare]
        self._workers: list[Step] = [self.rereading.run]
        self._closers: list[Step] = []
        self._last_resort: Callable[[], None] | None = None
        self.relay.serve(self.refusals.collection)
        self.health.dependencies["bus"] = lambda: reach_bus(settings.kafka)
        self.health.dependencies["documents"] = lambda: ping(self.database)
        self.health.others["outboxes"] = self.relay.check
        self.health.others["dead letters"] = self.dead_letters.check

    def aggregates(
        self,
        collection: str,
        kind: type[A],
        *,
        before_publish: BeforePublish | None = None,
        topics: Mapping[type[Event], Topic] | None = None,
    ) -> Aggregates[A]:
        """The aggregates of a collection, whose outboxes this service's relay empties."""
        handled = Handled(self.database["handled"], self.clock)
        made = Aggregates(
            self.database[collection], kind, events=self.events, wake=self.relay.wake, handled=handled, topics=topics
        )
        self.relay.serve(made.collection, before_publish=before_publish, after_publish=made.shorten_inboxes)
        self.prepare_with(handled.prepare)
        return made

    def take_requests(self, topic: Topic, handlers: Mapping[type[Event], Handler], *, answered: Answered) -> None:
        """Answer the requests on `topic`, as the group that has the service's own name."""
        line = self.line(topic, handlers, answered=answered, refuser=self.refusals)
        self._watch(self.consumers.read({topic.name: line}, suffix=topic.name.split(".")[1]))

    def follow(self, name: str, *, topic: Topic, fold: Fold, parts: PartFold | None = None) -> Replica:
        """Keep a replica of the facts on `topic` in the collection `name`, and what they say of parts beside it."""
        replica = Replica(
            self.database,
            name,
            topic=topic,
            group=self.consumers.group_of(name),
            fold=fold,
            positions=self.positions,
            parts=parts,
        )
        line = self.line(topic, replica.handlers, settled=replica.settled)
        self._watch(self.consumers.read({topic.name: line}, suffix=name))
        again = replace(line, handlers=replica.handlers_again, settled=None)
        self.rereading.serve(topic.name, partial(_line_again, again))
        self.prepare_with(replica.prepare)
        self.work_on(replica.run)
        self.close_with(replica.store_positions)
        return replica

    def take_batches(self, lines: Mapping[Topic, Mapping[type[Event], Handler]], store: Store, *, suffix: str) -> None:
        """Store what the handlers, which only check, let pass; many at a time."""
        made = [
            self.line(topic, each, refuser=self.refusals if topic.refusals else None) for topic, each in lines.items()
        ]
        self._watch(self.consumers.read_batches(BatchLine(made, store), suffix=suffix))
        for line in made:
            self.rereading.serve(line.topic.name, partial(_batch_again, line, store))

    def line(self, topic: Topic, handlers: Mapping[type[Event], Handler], **options: object) -> Line:
        """How this service handles the records of `topic`."""
        return Line(
            topic=topic,
            handlers=handlers,
            dead_letters=self.dead_letters,
            probe=self.health.away,
            clock=self.clock,
            **options,  # pyright: ignore[reportArgumentType]
        )

    def needs(self, name: str, check: Step) -> None:
        """Declare a dependency: without it the service waits and isn't ready."""
        self.health.dependencies[name] = check

    def prepare_with(self, step: Step) -> None:
        """Do this before anything is read, again and again until it succeeds."""
        self._preparations.append(step)

    def work_on(self, worker: Step) -> None:
        """Run this beside the consumers until the service stops; if it ends by itself, the process ends."""
        self._workers.append(worker)

    def close_with(self, step: Step) -> None:
        """Do this when the service stops."""
        self._closers.append(step)

    async def run(self) -> None:
        """Run until SIGTERM or SIGINT; then take nothing more, finish what is in hand, and leave."""
        configure_logs(self.settings.log, service=self.name)
        self._last_resort = end_process
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stopping.set)
        async with self.objects:
            try:
                await self._until(stopping)
            finally:
                await self._close()

    async def _until(self, stopping: asyncio.Event) -> None:
        page = health_server(self.health, self.settings.http)
        async with TaskGroup() as tasks:
            page_task = tasks.create_task(page.serve())
            life = tasks.create_task(self._live())
            stop = tasks.create_task(stopping.wait())
            await asyncio.wait((page_task, life, stop), return_when=asyncio.FIRST_COMPLETED)
            log.info("stopping")
            await self.consumers.stop()
            await end(life)
            await self._drain()
            page.should_exit = True
            await end(stop)

    async def _live(self) -> None:
        self.health.others["started"] = self._not_started
        for step in self._preparations:
            await self._in_the_end(step)
        watch = Watch(self.consumers, self.health, stuck_after_s=self.settings.stuck_after_s)
        async with TaskGroup() as tasks:
            for worker in (self.health.run, self.relay.run, *self._workers):
                tasks.create_task(self._endless(worker))
            # Beside them: a group gives nothing to a newcomer before its dead member's session is over.
            await through_outages(self.consumers.start, bound_s=None)
            self.health.drop("started")
            log.info("started")
            tasks.create_task(self._endless(watch.run))

    async def _endless(self, worker: Step) -> None:
        try:
            await self._in_the_end(worker)
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            # Nobody cancelled us: a driver cancelled what we waited for. The task group would let that pass for an end.
        except Exception:
            if self._last_resort is not None:  # What is stuck may not let the others end.
                self._last_resort()
            raise
        raise WorkerEnded(getattr(worker, "__qualname__", repr(worker)))

    async def _in_the_end(self, step: Step) -> None:
        """Anew where it failed while something that is needed was away, whatever that made of it."""
        await through_outages(lambda: told_apart(step, self.health.away), bound_s=None)

    async def _drain(self) -> None:
        try:
            async with asyncio.timeout(5):
                await cancellable(self.relay.drain())
        except Exception:  # What is left is in the outboxes, and the next start publishes it.
            log.warning("outbox_left_for_next_start", exc_info=True)

    async def _close(self) -> None:
        for step in (*self._closers, self.publisher.stop, self.positions.stop, self.mongo.close):
            try:
                async with asyncio.timeout(10):
                    await cancellable(step())
            except Exception:  # One part that can't close must not keep the others open.
                log.warning("close_failed", exc_info=True)

    def _watch(self, subscription: Subscription) -> None:
        self.health.others[f"group {subscription.group}"] = lambda: check_member(subscription)

    async def _not_started(self) -> None:
        raise ServiceStarting("waiting for its dependencies")


class ServiceStarting(PlatformError):
    code = "starting"
    retryable = True


class WorkerEnded(RuntimeError):
    """A worker that should run for ever returned."""


def _still() -> bool:
    return True


async def _line_again(line: Line, record: KafkaRecord, witness: Witness) -> Outcome:
    return await replace(line, dead_letters=witness).handle(record, _still)


async def _batch_again(line: Line, store: Store, record: KafkaRecord, witness: Witness) -> Outcome:
    return await BatchLine([replace(line, dead_letters=witness)], store).handle([record], lambda _: _still)
