"""What a collector finds: objects that lie together, and what is to become of them."""

from collections.abc import AsyncGenerator, AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Protocol, TypeVar

from chassis.garbage.turn import Turn
from chassis.objects import Location, ObjectInfo

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Pile:
    """All objects under one address, counted; `oldest` and `youngest` are when they were written, by the store."""

    where: Location
    objects: int
    size_bytes: int
    oldest: datetime
    youngest: datetime

    def with_one(self, size_bytes: int, modified_at: datetime) -> "Pile":
        """With one more object."""
        return replace(
            self,
            objects=self.objects + 1,
            size_bytes=self.size_bytes + size_bytes,
            oldest=min(self.oldest, modified_at),
            youngest=max(self.youngest, modified_at),
        )


@dataclass(frozen=True, kw_only=True)
class Heap:
    """A pile, why it lies there, and whether it goes: what nothing explains is shown, and stays.

    `name` is what its kind knows it by.
    """

    kind: str
    name: str
    pile: Pile
    why: str
    goes: bool = True


@dataclass(kw_only=True)
class Removed:
    """What was removed; `spared` is what was written too lately."""

    objects: int = 0
    size_bytes: int = 0
    spared: int = 0

    def add(self, other: "Removed") -> None:
        self.objects += other.objects
        self.size_bytes += other.size_bytes
        self.spared += other.spared


class Kind(Protocol):
    """One kind of garbage."""

    @property
    def name(self) -> str: ...

    def heaps(self, now: datetime) -> AsyncGenerator[Heap]:
        """All that lies there of this kind and that is old enough at `now`, by the store's clock."""
        ...

    async def remove(self, heap: Heap, now: datetime, turn: Turn) -> Removed:
        """Decide anew, and remove what still is garbage.

        Raises:
            AssignmentLost: the turn has gone to somebody else.
        """
        ...


async def piled(objects: AsyncIterator[ObjectInfo], pile_of: Callable[[str], str | None]) -> AsyncGenerator[Pile]:
    """Objects in their store's order, by the address that `pile_of` gives for a key; None: it belongs to none.

    What a store's order tears apart comes as several piles.
    """
    pile: Pile | None = None
    async for each in objects:
        key = pile_of(each.location.key)
        if key is None or each.modified_at is None:
            continue
        if pile is not None and pile.where.key == key:
            pile = pile.with_one(each.size_bytes, each.modified_at)
            continue
        if pile is not None:
            yield pile
        pile = Pile(
            where=Location(each.location.bucket, key),
            objects=1,
            size_bytes=each.size_bytes,
            oldest=each.modified_at,
            youngest=each.modified_at,
        )
    if pile is not None:
        yield pile


async def in_lots(things: AsyncIterator[T], *, of: int) -> AsyncGenerator[list[T]]:
    """So many at a time."""
    lot: list[T] = []
    async for each in things:
        lot.append(each)
        if len(lot) == of:
            yield lot
            lot = []
    if lot:
        yield lot
