"""What registrations say before they rely on a copy that a collector may be about to remove."""

from dataclasses import dataclass
from typing import Protocol

from chassis.bus.delivery import Delivery
from chassis.bus.request_key import RequestKey


class Waiting(Protocol):
    """Registrations that aren't answered."""

    async def rely_on(self, request_key: RequestKey, digest: str) -> None: ...


class Turns(Protocol):
    """Collectors' turns."""

    async def not_removing(self, what: str) -> None: ...


@dataclass(frozen=True)
class ReliedOn:
    """Written down first, and only then looked whether somebody removes it: see `copies.py`."""

    waiting: Waiting
    turns: Turns

    async def rely_on(self, delivery: Delivery, digest: str) -> None:
        await self.waiting.rely_on(delivery.request_key, digest)
        await self.turns.not_removing(digest)
