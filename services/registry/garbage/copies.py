"""Copies under `sha256/` that no version needs: those of registrations that came to nothing.

**Why nothing is removed that a fact names or may come to.** A registration relies on a copy from the moment in which
it has written so into its own document in `registrations`; from there it comes into its model's outbox, from the
outbox to `model_versions` and onto the bus, and is in the next place before it leaves the one before. It is looked for
in this order, so what moves on meanwhile is met later. Before that, the digest is named in the turn (`removing`); and
who relies on a copy waits, once that is written, until its digest isn't named, and then looks whether the copy is
whole, as it does in any case. So either the collector finds the registration and leaves the copy alone, or the
registration waits for the removal to end and copies anew. It doesn't matter how many models have the same bytes, nor
how old their copy is.

A collector that dies leaves the digest named; whoever waits takes its turn over when it has been silent for a lease. It
asks whether its turn is live right before each removal, like everybody here who is about to do what can't be undone.

Where the documents were restored from before a version was made, facts on the bus still name its copy; they are asked,
too, all of them, whenever there is something to remove.
"""

import re
from collections.abc import AsyncGenerator, Collection, Iterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Protocol

from chassis.documents.client import Collection as Documents
from chassis.documents.client import translated
from chassis.documents.outbox import UNPUBLISHED
from chassis.garbage.heaps import Heap, Pile, Removed, in_lots, piled
from chassis.garbage.named import Records, named_in
from chassis.garbage.removal import Objects, remove_old
from chassis.garbage.turn import Turn
from chassis.objects import Location
from schemas.topics import MODEL_EVENTS
from services.registry.artifacts import HOME

_AT_ONCE: Final = 1000
_FOLDER: Final = re.compile(r"sha256/([0-9a-f]{64})/")
_NAMED: Final = re.compile(rb"sha256/([0-9a-f]{64})/")
_WHY: Final = "no version names it, and no registration relies on it"


class Versions(Protocol):
    """All versions that have a document."""

    async def using(self, digests: Sequence[str]) -> set[str]: ...


class Waiting(Protocol):
    """Registrations that aren't answered."""

    async def relying_on(self, digest: str) -> bool: ...


@dataclass(frozen=True)
class Unpublished:
    """Events of models that are still in their outboxes."""

    models: Documents

    async def naming(self, digests: Collection[str]) -> set[str]:
        """Those of these digests that such an event names."""
        found: set[str] = set()
        with translated():
            async for model in self.models.find(UNPUBLISHED, {"_outbox.value": 1}):
                values = [each["value"] for each in model.get("_outbox", ())]
                found.update(each for each in digests if any(each in value for value in values))
        return found


@dataclass(frozen=True, kw_only=True)
class Copies:
    """`s3://models/sha256/`."""

    objects: Objects
    waiting: Waiting
    unpublished: Unpublished
    versions: Versions
    facts: Records
    after: timedelta
    name: str = "copy"

    async def heaps(self, now: datetime) -> AsyncGenerator[Heap]:
        async with aclosing(self.objects.walk(Location(HOME.bucket, f"{HOME.key}/"))) as listed:
            async for lot in in_lots(piled(listed, _folder), of=_AT_ONCE):
                old = {_digest(pile): pile for pile in lot if pile.youngest < now - self.after}
                for digest in await self._unused(sorted(old)):
                    yield Heap(kind=self.name, name=digest, pile=old[digest], why=_WHY)

    async def remove(self, heap: Heap, now: datetime, turn: Turn) -> Removed:
        async with turn.removing(heap.name):
            if await self._is_needed(heap.name):
                return Removed()
            before = now - self.after
            return await remove_old(self.objects, heap.pile.where, before=before, turn=turn, kind=self.name)

    async def _unused(self, digests: Sequence[str]) -> list[str]:
        used = await self.versions.using(digests) if digests else set[str]()
        left = [each for each in digests if each not in used and not await self.waiting.relying_on(each)]
        named = await self._named(frozenset(left)) | await self.unpublished.naming(left) if left else set[str]()
        return [each for each in left if each not in named]

    async def _is_needed(self, digest: str) -> bool:
        # In the order in which it moves on.
        return (
            await self.waiting.relying_on(digest)
            or bool(await self.unpublished.naming([digest]))
            or bool(await self.versions.using([digest]))
        )

    async def _named(self, digests: frozenset[str]) -> set[str]:
        def names_in(value: bytes) -> Iterator[str]:
            yield from digests.intersection(found.decode() for found in _NAMED.findall(value))

        return await named_in(self.facts, MODEL_EVENTS, names_in)


def _folder(key: str) -> str | None:
    found = _FOLDER.match(key)
    return None if found is None else found[0]


def _digest(pile: Pile) -> str:
    return pile.where.key.split("/")[1]
