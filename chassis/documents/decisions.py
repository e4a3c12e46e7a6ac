"""What operators decided about a service's dead letters, written down before it is done and again when it is done."""

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final

from chassis.documents.client import Collection, Database, Document, translated
from chassis.errors import DocumentConflict

COLLECTION: Final = "dead_letter_decisions"
_CONFLICT_TRIES: Final = 10
_PLAIN: Final = ("given_up", "by", "at", "reason", "number", "outcome")


class Verb(StrEnum):
    REPLAY = "replay"
    DROP = "drop"


class State(StrEnum):
    BEGUN = "begun"
    DONE = "done"
    FAILED = "failed"


class Route(StrEnum):
    """How a replay goes: to everybody who reads the topic, or to this service alone."""

    TOPIC = "topic"
    SERVICE = "service"


@dataclass(frozen=True, kw_only=True)
class Original:
    """Where the record stood that became a dead letter."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}/{self.partition}@{self.offset}"


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One decision about the dead letter `id`. `number` counts those under this id, from 1.

    `given_up` is when the letter was written: on a topic that was made anew another one may have the same id.
    """

    id: str
    given_up: str
    verb: Verb
    by: str
    at: datetime
    reason: str
    original: Original
    route: Route
    state: State = State.BEGUN
    number: int = 1
    ended_at: datetime | None = None
    outcome: str = ""

    def goes_on_as(self, wanted: "Decision") -> bool:
        """Whether what is wanted has been begun already."""
        return (self.state, self.verb, self.given_up) == (State.BEGUN, wanted.verb, wanted.given_up)

    def to_document(self) -> Document:
        return {("_id" if name == "id" else name): value for name, value in vars(self).items()} | {
            "original": vars(self.original)
        }

    @classmethod
    def from_document(cls, document: Document) -> "Decision":
        fields: dict[str, Any] = {name: document[name] for name in _PLAIN}
        return cls(
            id=document["_id"],
            verb=Verb(document["verb"]),
            route=Route(document["route"]),
            state=State(document["state"]),
            ended_at=document.get("ended_at"),
            original=Original(**document["original"]),
            **fields,
        )


def why_not(existing: Decision | None, wanted: Decision, *, again: bool) -> str | None:
    """Why nothing is to be done about a letter on which `existing` was decided; None: begin, or go on."""
    if existing is None or existing.state is not State.DONE or existing.given_up != wanted.given_up or again:
        return None
    past = {Verb.REPLAY: "replayed", Verb.DROP: "dropped"}[existing.verb]
    return f"was already {past} by {existing.by} at {existing.at:%Y-%m-%d %H:%M} UTC; nothing was changed"


class AlreadyDecided(Exception):
    """Nothing is to be done; the message says why."""


class Decisions:
    """The decisions about one service's dead letters, in that service's own database."""

    def __init__(self, database: Database) -> None:
        self.collection: Collection = database[COLLECTION]

    async def all(self) -> dict[str, Decision]:
        """The last decision about each letter, by its id."""
        with translated():
            documents = await self.collection.find({}).to_list()
        return {each["_id"]: Decision.from_document(each) for each in documents}

    async def about(self, letter_id: str) -> Decision | None:
        with translated():
            document = await self.collection.find_one({"_id": letter_id})
        return Decision.from_document(document) if document else None

    async def begin(self, wanted: Decision, *, again: bool = False) -> Decision:
        """Write down what is about to be done; or find it begun, by a process that may have died, and go on.

        Raises:
            AlreadyDecided: there is nothing to do.
        """
        for _ in range(_CONFLICT_TRIES):
            existing = await self.about(wanted.id)
            reason = why_not(existing, wanted, again=again)
            if reason is not None:
                raise AlreadyDecided(reason)
            if existing is not None and existing.goes_on_as(wanted):
                return existing
            try:
                return await self._write(wanted, existing)
            except DocumentConflict:
                continue
        raise DocumentConflict(wanted.id)

    async def end(self, decision: Decision, state: State, outcome: str, at: datetime) -> None:
        """Write down how it went; nothing if somebody else has."""
        now = {"_id": decision.id, "number": decision.number, "state": State.BEGUN.value}
        with translated():
            await self.collection.update_one(now, {"$set": {"state": state.value, "outcome": outcome, "ended_at": at}})

    async def _write(self, wanted: Decision, existing: Decision | None) -> Decision:
        if existing is None:
            with translated():
                await self.collection.insert_one(wanted.to_document())
            return wanted
        numbered = replace(wanted, number=existing.number + 1)
        with translated():
            before = await self.collection.find_one({"_id": existing.id, "number": existing.number}) or {}
            earlier = [*before.pop("earlier", []), {name: value for name, value in before.items() if name != "_id"}]
            result = await self.collection.replace_one(
                {"_id": existing.id, "number": existing.number, "state": existing.state.value},
                numbered.to_document() | {"earlier": earlier},
            )
        if result.matched_count == 0:
            raise DocumentConflict(existing.id)
        return numbered
