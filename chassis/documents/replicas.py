"""Others' facts, kept by those who need them: folded from a facts' topic, with the position stored beside."""

import asyncio
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from functools import partial
from typing import Any, Final

import structlog
from pymongo import UpdateOne

from chassis.bus.admission import read_fact, read_message
from chassis.bus.delivery import Delivery
from chassis.bus.line import Handler
from chassis.bus.perseverance import through_outages
from chassis.bus.positions import Positions
from chassis.bus.record import KafkaRecord
from chassis.documents.client import Database, Document, translated
from chassis.documents.folded import FoldedDocuments, own
from chassis.documents.parts import Fold, PartFold, Parts
from chassis.errors import DocumentConflict, PlatformError, ReplicaBehind, Unreadable
from schemas.event import CATALOGUE, Event
from schemas.topics import Topic

log = structlog.get_logger(__name__)

_LOOK_AGAIN_S: Final = 0.02
_STORE_EVERY_S: Final = 0.2
_SOON_S: Final = 1.0
_WAIT_BOUND_S: Final = 10.0
_CONFLICT_TRIES: Final = 10
_REMEMBERED: Final = 128


class Replica:
    """One collection that follows one facts' topic, a document a subject; and one for the parts of subjects."""

    def __init__(
        self,
        database: Database,
        name: str,
        *,
        topic: Topic,
        group: str,
        fold: Fold,
        positions: Positions,
        parts: PartFold | None = None,
    ) -> None:
        self.topic = topic
        self._group = group
        self._documents = FoldedDocuments(database[name])
        self._parts = None if parts is None else Parts(database, parts)
        self._stored_positions = database["replica_positions"]
        self._seen: dict[int, int] = {}
        self._unstored: set[int] = set()
        self._remembered: dict[str, Document] = {}
        self._fold = fold
        self._positions = positions

    @property
    def handlers(self) -> dict[type[Event], Handler]:
        """For the line that reads this replica's topic: every kind of fact counts for the sequence."""
        return {each: self._on_fact for each in CATALOGUE.values() if self.topic in each.topics}

    @property
    def handlers_again(self) -> dict[type[Event], Handler]:
        """For a fact that was given up on and is read again, when others of its subject may have been folded since."""
        return dict.fromkeys(self.handlers, self._fold_anew)

    async def settled(self, record: KafkaRecord) -> None:
        """Remember that everything up to `record` has been seen, also what wasn't readable."""
        # What comes again was seen, and so was all that came after it the first time.
        self._seen[record.partition] = max(self._seen.get(record.partition, 0), record.offset + 1)
        self._unstored.add(record.partition)

    async def store_positions(self) -> None:
        """Tell the other instances, and the next start, how far this one has seen."""
        partitions, self._unstored = self._unstored, set()
        if not partitions:
            return
        try:
            with translated():
                await self._stored_positions.bulk_write([self._position_write(each) for each in partitions])
        except BaseException:
            self._unstored |= partitions
            raise

    async def run(self) -> None:
        """Store positions until cancelled: a few writes a second, however many facts there are."""
        while True:
            await through_outages(self.store_positions, bound_s=None)
            await asyncio.sleep(_STORE_EVERY_S)

    async def prepare(self) -> None:
        """Before the start: be as this version keeps it, and as far as its group."""
        if self._parts is not None:
            await self._parts.split(self._documents)
        await self.rewind()

    async def rewind(self) -> None:
        """Before the start: have read again what its group has committed and this store, restored, doesn't know."""
        which = {"_id": {"$regex": f"^{re.escape(self.topic.name)}/"}}
        with translated():
            stored = await self._stored_positions.find(which).to_list()
        seen = {int(each["_id"].rpartition("/")[2]): int(each["offset"]) for each in stored}
        for partition, offset in tuple(seen.items()):
            if offset > await self._positions.end_of(self.topic.name, partition):
                await self._forget_position(partition)
                del seen[partition]
        await self._positions.rewind(self._group, self.topic.name, seen)

    async def _forget_position(self, partition: int) -> None:
        # A topic that was lost and made anew counts from 0: by the old count this replica would seem to know it all.
        log.warning("topic_begins_anew", topic=self.topic.name, partition=partition)
        with translated():
            await self._stored_positions.delete_one({"_id": f"{self.topic.name}/{partition}"})

    async def get(self, key: str) -> dict[str, Any] | None:
        """What is known of `key` once everything that was on the topic at the time of this call has been seen.

        A request may overtake the fact that it refers to; so whoever decides on a request asks here.

        Raises:
            ReplicaBehind: it took too long, which is an outage and no reason to refuse.
        """
        await self._reach_end(await self._positions.partition_of(self.topic.name, key))
        return await self._known(key)

    async def part(self, key: str, part: str) -> dict[str, Any] | None:
        """What is known of a subject's part, at least as of the last `get` of that subject."""
        return None if self._parts is None else await self._parts.get(key, part)

    async def find(self, field: str, values: Sequence[str]) -> list[dict[str, Any]]:
        """All documents whose `field` is one of `values`, once all that was on the topic at this call has been seen.

        Raises:
            ReplicaBehind: it took too long, which is an outage and no reason to refuse.
        """
        partitions = await self._positions.partitions_of(self.topic.name)
        await asyncio.gather(*(self._reach_end(partition) for partition in partitions))
        with translated():
            return await self._documents.collection.find({field: {"$in": list(values)}}).to_list()

    async def _reach_end(self, partition: int) -> None:
        end = await self._positions.end_of(self.topic.name, partition)
        for within_s in (_SOON_S, _WAIT_BOUND_S):
            if await self._reaches(partition, end, within_s) or await self._was_committed(partition, end):
                return
        raise ReplicaBehind(f"{self.topic.name}/{partition} has not reached {end}")

    async def _reaches(self, partition: int, end: int, within_s: float) -> bool:
        with suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                while self._seen.get(partition, 0) < end and await self._position(partition) < end:  # noqa: ASYNC110 - what moves it is another process
                    await asyncio.sleep(_LOOK_AGAIN_S)
                return True
        return False

    async def _was_committed(self, partition: int, end: int) -> bool:
        """Whether the group has done with everything before `end`.

        Whoever dies between a commit and the next storing of positions leaves a position that nothing moves until
        another fact comes: its successor goes on behind what was committed.
        """
        if await self._positions.committed(self._group, self.topic.name, partition) < end:
            return False
        self._seen[partition] = max(self._seen.get(partition, 0), end)
        self._unstored.add(partition)
        return True

    async def _on_fact(self, event: Event, delivery: Delivery) -> None:
        sequence = delivery.envelope.sequence or 0
        remembered = self._remembered.pop(event.subject, None)
        follows = remembered is not None and sequence == remembered["_sequence"] + 1
        # What this process wrote last is most often what is stored; if not, it is read.
        if follows and await self._take(event, remembered, own(remembered), sequence):
            return
        for _ in range(_CONFLICT_TRIES):
            known = await self._known(event.subject)
            last = known["_sequence"] if known else 0
            if sequence <= last:
                return
            fields = own(known)
            if sequence > last + 1:
                log.warning("gap_in_facts", topic=self.topic.name, subject=event.subject, last=last, sequence=sequence)
                fields = await self._folded(event.subject, fields, range(last + 1, sequence), behind=last)
            if await self._take(event, known, fields, sequence):
                return
        raise DocumentConflict(event.subject)

    async def _take(self, event: Event, known: Document | None, before: dict[str, Any], sequence: int) -> bool:
        """Fold a fact into its part, then into its subject; False when `known` isn't what is stored any more."""
        fields = self._fold(before, event)
        if self._parts is not None:
            await self._parts.take(event, sequence)
        return await self._replace(event.subject, known, fields, sequence)

    async def _fold_anew(self, event: Event, delivery: Delivery) -> None:
        """Put a fact that was passed over into its place: fold all that is known about its subject from the beginning.

        Raises:
            Exception: this fact still can't be folded; the replica stays as it was.
        """
        sequence = delivery.envelope.sequence or 0
        if self._parts is not None:
            await self._parts.fold_anew(event, partial(self._facts, event.subject), sequence)
        for _ in range(_CONFLICT_TRIES):
            known = await self._known(event.subject)
            last = known["_sequence"] if known else 0
            numbers = range(1, max(sequence, last) + 1)
            fields = await self._folded(event.subject, {}, numbers, behind=last, must=sequence)
            if await self._replace(event.subject, known, fields, numbers[-1]):
                return
        raise DocumentConflict(event.subject)

    async def _folded(
        self, key: str, fields: dict[str, Any], numbers: range, *, behind: int, must: int | None = None
    ) -> dict[str, Any]:
        """`fields` after the facts with these numbers, as the topic has them.

        What those `behind` a number say of parts hasn't been folded into these yet, and is.
        """
        async for sequence, fact in self._facts(key):
            if sequence not in numbers:
                continue
            try:
                folded = self._fold(fields, fact)
                if self._parts is not None and sequence > behind:
                    await self._parts.take(fact, sequence)
                fields = folded
            except PlatformError:
                raise
            except Exception:  # As unreadable ones: it was buried when it came.
                if sequence == must:
                    raise
                log.warning("fact_passed_over", topic=self.topic.name, subject=key, sequence=sequence)
        return fields

    async def _facts(self, key: str) -> AsyncIterator[tuple[int, Event]]:
        """All readable facts about a subject with their numbers, each once and in their order."""
        reached = 0
        async for record in self._positions.records_of(self.topic.name, key):
            try:
                message = read_message(record, self.topic)
                fact = read_fact(message, self.topic)
            except Unreadable:
                continue  # It is in the dead letters, and must not take its successors with it.
            sequence = message.envelope.sequence or 0
            if sequence > reached:
                reached = sequence
                yield sequence, fact

    async def _replace(self, key: str, known: Document | None, fields: dict[str, Any], sequence: int) -> bool:
        """Store what follows from `known`; False when that isn't what is stored any more."""
        document = await self._documents.replace(key, known, fields, sequence)
        if document is None:
            return False
        self._remembered[key] = document
        if len(self._remembered) > _REMEMBERED:
            del self._remembered[next(iter(self._remembered))]
        return True

    async def _known(self, key: str) -> Document | None:
        return await self._documents.read(key)

    def _position_write(self, partition: int) -> UpdateOne:
        which = {"_id": f"{self.topic.name}/{partition}"}
        return UpdateOne(which, {"$max": {"offset": self._seen[partition]}}, upsert=True)

    async def _position(self, partition: int) -> int:
        with translated():
            stored = await self._stored_positions.find_one({"_id": f"{self.topic.name}/{partition}"})
        return stored["offset"] if stored else 0
