"""A worker on waiting registrations, with use cases and refusals of its own."""

import asyncio
import time
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import replace

from chassis.bus.delivery import Delivery
from chassis.clock import SystemClock
from chassis.tasks import end
from schemas.models import ModelRegistrationRequested
from schemas.topics import MODEL_REQUESTS
from services.registry.slots import Patience, Slots
from services.registry.worker import Desk, Worker
from tests.unit.registry.fakes import delivery
from tests.unit.registry.requests import registration

LEASE_S = 0.6


class Office:
    """Stands for use cases and refusals; remembers what happened. `work` is what an answer takes."""

    def __init__(self) -> None:
        self.log: list[tuple[str, str]] = []
        self.done: set[str] = set()
        self.refused: dict[str, str] = {}
        self.away: str | None = None
        self.work: Callable[[ModelRegistrationRequested], object] = lambda _: asyncio.sleep(0.05)

    async def answer(self, event, delivery) -> None:
        self.log.append(("begin", event.name))
        await self.work(event)
        delivery.ensure_live()
        self.done.add(delivery.request_key)
        self.log.append(("end", event.name))

    async def has_begun(self, times: int = 1) -> bool | None:
        """A lease may be in the store before its worker knows that it has it: then it gives nothing back."""
        return sum(what == "begin" for what, _ in self.log) >= times or None

    async def is_done(self, subject, request_key) -> bool:
        return request_key in self.done

    async def has_refused(self, request_key) -> bool:
        return request_key in self.refused

    async def refuse(self, delivery, message, refusal, topic) -> None:
        assert topic is MODEL_REQUESTS
        self.refused[delivery.request_id] = refusal.code

    @asynccontextmanager
    async def worker(self, registrations, *, owner="one", slots=2, max_attempts=5, alone_s=60.0):
        desk = Desk(
            answers={ModelRegistrationRequested: self.answer},
            answered={MODEL_REQUESTS.name: self.is_done},
            refuser=self,
            probe=self._probe,
        )
        worker = Worker(
            registrations,
            desk,
            clock=SystemClock(),
            owner=owner,
            lease_s=LEASE_S,
            slots=Slots(slots, freed=registrations.wake, patience=Patience(0.3, 0.4, alone_s)),
            max_attempts=max_attempts,
        )
        running = asyncio.create_task(worker.run())
        yield running
        await end(running)

    async def _probe(self) -> str | None:
        return self.away


def delivered(**at) -> Delivery:
    """A request to register a model, as the bus delivers it."""
    made = delivery(**at)
    return replace(made, envelope=replace(made.envelope, type=ModelRegistrationRequested.event_type))


async def append(registrations, name, *, model_id="demand", **at) -> str:
    """Its request's id."""
    where = delivered(**at)
    await registrations.append(registration(model_id=model_id, name=name), where)
    return where.request_id


async def drained(registrations) -> None:
    await until(lambda: registrations.collection.find_one({}), present=False)


async def until(look, *, present=True) -> None:
    deadline = time.monotonic() + 20
    while (await look() is not None) is not present:
        assert time.monotonic() < deadline
        await asyncio.sleep(0.02)
