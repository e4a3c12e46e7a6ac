"""Facts that this service gave up on are read again, by it alone, when an operator asks for it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import structlog

from chassis.bus.line import Outcome
from chassis.bus.perseverance import through_outages
from chassis.bus.positions import Positions
from chassis.bus.record import KafkaRecord
from chassis.clock import Clock, NewId
from chassis.documents.client import Document, translated
from chassis.documents.decisions import Decision, Decisions, Route, State
from chassis.documents.hold import Hold
from chassis.documents.leases import Observer, claim, release
from chassis.errors import AssignmentLost, Outage
from chassis.tokens import text_without_tokens

log = structlog.get_logger(__name__)

_LOOK_EVERY_S: Final = 1.0
_LEASE_S: Final = 15.0
_WAITING: Final = {"state": State.BEGUN.value, "route": Route.SERVICE.value}


@dataclass
class Witness:
    """Sees what would be buried: a letter that fails again makes no other letter."""

    reasons: list[str] = field(default_factory=list)

    async def bury(
        self, record: KafkaRecord, *, code: str, message: str, attempts: int, actor: str | None = None
    ) -> None:
        _ = (record, attempts, actor)
        self.reasons.append(text_without_tokens(f"{code}: {message}"))


ReadAgain = Callable[[KafkaRecord, Witness], Awaitable[Outcome]]
"""Takes a record to its end as its line would, but for what the witness sees."""


class Rereading:
    """Looks for facts to read again; of several instances one reads each."""

    def __init__(self, decisions: Decisions, positions: Positions, *, clock: Clock, new_id: NewId) -> None:
        self.decisions = decisions
        self._positions = positions
        self._clock = clock
        self._owner = new_id()
        self._readers: dict[str, list[ReadAgain]] = {}
        self._observer = Observer(clock, _LEASE_S)

    def serve(self, topic: str, read_again: ReadAgain) -> None:
        """One more way in which this service reads `topic`."""
        self._readers.setdefault(topic, []).append(read_again)

    async def prepare(self) -> None:
        """Make the index that looking needs."""
        with translated():
            await self.decisions.collection.create_index("state")

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await through_outages(self.look, bound_s=None)
            await asyncio.sleep(_LOOK_EVERY_S)

    async def look(self) -> None:
        """Read again what waits, less what another instance has in hand."""
        with translated():
            waiting = await self.decisions.collection.find(_WAITING).sort("at", 1).to_list()
        for document in waiting:
            decision = _read(document)
            if decision is not None and self._observer.is_lost(document):
                await self._take(document, decision)

    async def _take(self, document: Document, decision: Decision) -> None:
        collection = self.decisions.collection
        claimed_at = self._clock.monotonic()
        lease = await claim(collection, document, self._owner)
        if lease is None:
            return
        self._observer.forget(lease.document_id)
        hold = Hold(collection, lease, since=claimed_at, clock=self._clock, lease_s=_LEASE_S)
        try:
            reason = await hold.while_held(self._read_again(decision))
        except AssignmentLost:
            return
        except Outage:
            await release(collection, lease)
            raise
        state = State.DONE if reason is None else State.FAILED
        outcome = reason or "read again"
        await through_outages(partial(self.decisions.end, decision, state, outcome, self._clock.now()))
        log.info("fact_read_again", dead_letter=decision.id, original=str(decision.original), outcome=outcome)

    async def _read_again(self, decision: Decision) -> str | None:
        """Why it failed, or None.

        Raises:
            Outage: a dependency is away; it has to be tried later.
        """
        original = decision.original
        readers = self._readers.get(original.topic)
        if not readers:
            return f"this service doesn't read {original.topic}"
        record = await self._positions.record_at(original.topic, original.partition, original.offset)
        if record is None:
            return f"{original} is no longer on the topic"
        witness = Witness()
        for read_again in readers:
            if await read_again(record, witness) is Outcome.PUT_BACK:
                raise Outage(f"{original} was put back")
        return "; ".join(witness.reasons) or None


def _read(document: Document) -> Decision | None:
    try:
        return Decision.from_document(document)
    except (KeyError, TypeError, ValueError):  # Written by hand: no reason for a service to end.
        log.error("decision_unreadable", dead_letter=document["_id"])  # noqa: TRY400 - it has no more to tell
        return None
