"""What may be answered at once, and what has to wait its turn."""

from dataclasses import dataclass
from typing import Protocol

from chassis.bus.delivery import Delivery
from chassis.bus.line import Answered, Handler
from chassis.bus.request_key import RequestKey
from schemas.event import Event


class Queue(Protocol):
    """Accepted requests that wait."""

    async def append(self, event: Event, delivery: Delivery) -> None: ...
    async def has(self, request_key: RequestKey) -> bool: ...
    async def has_about(self, event: Event, delivery: Delivery) -> bool: ...


@dataclass(frozen=True)
class Intake:
    """Keeps the order of requests about one subject, whether or not they are slow."""

    queue: Queue
    handled: Answered

    async def answered(self, subject: str, request_key: RequestKey) -> bool:
        """Whether this request has been granted, or accepted and will be answered."""
        return await self.queue.has(request_key) or await self.handled(subject, request_key)

    async def wait(self, event: Event, delivery: Delivery) -> None:
        """Accept a slow request: a worker answers it."""
        if not await self.handled(event.subject, delivery.request_key):
            await self.queue.append(event, delivery)

    async def answer(self, answer: Handler, event: Event, delivery: Delivery) -> None:
        """Answer now, or behind what came before and isn't answered yet."""
        if await self.queue.has_about(event, delivery):
            await self.queue.append(event, delivery)
        else:
            await answer(event, delivery)
