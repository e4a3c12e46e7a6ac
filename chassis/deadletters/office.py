"""What can be done with dead letters: looked at, replayed, dropped. Nothing here knows the terminal."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, Protocol

from chassis.bus.envelope import Headers
from chassis.bus.producer import Publisher
from chassis.clock import Clock
from chassis.deadletters.letters import ACTOR, BadArgument, Letter, Which, read_id
from chassis.documents.decisions import AlreadyDecided, Decision, Decisions, Route, State, Verb
from chassis.errors import PlatformError

_LOOK_AGAIN_S: Final = 0.2


class Status(StrEnum):
    """Where a letter stands: what waits for somebody is open, or failed when it was replayed."""

    OPEN = "open"
    REPLAYING = "replaying"
    REPLAYED = "replayed"
    FAILED = "failed"
    DROPPED = "dropped"

    @classmethod
    def of(cls, decision: Decision | None) -> "Status":
        if decision is None:
            return cls.OPEN
        if decision.verb is Verb.DROP:
            return cls.DROPPED
        return {State.BEGUN: cls.REPLAYING, State.DONE: cls.REPLAYED, State.FAILED: cls.FAILED}[decision.state]


WAITING: Final = (Status.OPEN, Status.FAILED)


class Shelf(Protocol):
    """Where letters are read."""

    async def matching(self, which: Which) -> Sequence[Letter]: ...
    async def at(self, service: str, partition: int, offset: int) -> Letter | None: ...


@dataclass(frozen=True, kw_only=True)
class Resent:
    """A request on its way to its topic again."""

    topic: str
    key: bytes | None
    value: bytes | None
    headers: Headers


@dataclass(frozen=True, kw_only=True)
class Operator:
    """Who decides. `token`, where given, is sent along and neither kept nor shown."""

    name: str
    token: str | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Result:
    """How it went with one letter. `settled` is False where somebody still has to look at it."""

    letter_id: str
    said: str
    settled: bool = True


class Office:
    """The use cases. `decisions_of` gives a service's decisions."""

    def __init__(
        self, *, shelf: Shelf, decisions_of: Callable[[str], Decisions], publisher: Publisher, clock: Clock
    ) -> None:
        self._shelf = shelf
        self._decisions_of = decisions_of
        self._publisher = publisher
        self._clock = clock

    async def find(self, which: Which) -> list[tuple[Letter, Decision | None]]:
        """The letters that match, oldest first, each with what was last decided about it."""
        letters = await self._shelf.matching(which)
        decided = {service: await self._decisions_of(service).all() for service in {each.service for each in letters}}
        letters = sorted(letters, key=lambda each: (each.failed_at, each.id))
        return [(each, _about(each, decided[each.service].get(each.id))) for each in letters]

    async def letter(self, letter_id: str) -> Letter:
        """One letter. Raises: BadArgument."""
        letter = await self._shelf.at(*read_id(letter_id))
        if letter is None:
            raise BadArgument(f"there is no dead letter {letter_id}: `list --all` shows those that there are")
        return letter

    async def decision_about(self, letter: Letter) -> Decision | None:
        """What was last decided about it."""
        return _about(letter, await self._decisions_of(letter.service).about(letter.id))

    async def drop(self, letter: Letter, operator: Operator, *, reason: str) -> Result:
        """Decide that nothing more is to be done about it."""
        wanted = self._decision(letter, Verb.DROP, operator, reason)
        done = replace(wanted, state=State.DONE, outcome="dropped", ended_at=wanted.at)
        try:
            await self._decisions_of(letter.service).begin(done)
        except AlreadyDecided as already:
            return Result(letter_id=letter.id, said=str(already))
        return Result(letter_id=letter.id, said="dropped")

    async def replay(
        self, letter: Letter, operator: Operator, *, reason: str = "", again: bool = False, wait_s: float = 0.0
    ) -> Result:
        """Have it handled again. The same call after a crash goes on where that was.

        Raises:
            Outage: it is written down and not done; the same call does it.
        """
        if letter.cut and letter.route is Route.TOPIC:
            return Result(letter_id=letter.id, said=_cut(letter), settled=False)
        decisions = self._decisions_of(letter.service)
        try:
            begun = await decisions.begin(self._decision(letter, Verb.REPLAY, operator, reason), again=again)
        except AlreadyDecided as already:
            return Result(letter_id=letter.id, said=f"{already}; --again replays it once more")
        if begun.route is Route.SERVICE:
            return await self._await_service(decisions, begun, wait_s)
        return await self._publish(letter, begun, operator)

    async def _publish(self, letter: Letter, begun: Decision, operator: Operator) -> Result:
        decisions = self._decisions_of(letter.service)
        try:
            await self._publisher.publish([resent(letter, operator)])
        except PlatformError as error:
            if error.retryable:
                raise
            await decisions.end(begun, State.FAILED, f"{error.code}: {error}", self._clock.now())
            return Result(letter_id=letter.id, said=f"could not be sent: {error}", settled=False)
        said = f"sent to {letter.original.topic} again"
        await decisions.end(begun, State.DONE, said, self._clock.now())
        return Result(letter_id=letter.id, said=said)

    async def _await_service(self, decisions: Decisions, begun: Decision, wait_s: float) -> Result:
        service = begun.id.partition("/")[0]
        deadline = self._clock.monotonic() + wait_s
        while True:
            now = await decisions.about(begun.id) or begun
            if now.state is not State.BEGUN:
                break
            if self._clock.monotonic() >= deadline:
                said = f"written down; {service} reads {begun.original} again as soon as it runs"
                return Result(letter_id=begun.id, said=said, settled=False)
            await asyncio.sleep(_LOOK_AGAIN_S)
        if now.state is State.DONE:
            return Result(letter_id=begun.id, said=f"{service} read {begun.original} again")
        return Result(letter_id=begun.id, said=f"{service} failed again: {now.outcome}", settled=False)

    def _decision(self, letter: Letter, verb: Verb, operator: Operator, reason: str) -> Decision:
        return Decision(
            id=letter.id,
            given_up=letter.failed_at.isoformat(),
            verb=verb,
            by=operator.name,
            at=self._clock.now(),
            reason=reason,
            original=letter.original,
            route=letter.route,
        )


def _cut(letter: Letter) -> str:
    """Why it can't go to its topic again."""
    lost = ", ".join(f"of its {part} ({size} bytes) only a part" for part, size in letter.cut.items())
    return f"can't be sent again: {lost} was kept; its sender has to send it anew, then drop this one"


def _about(letter: Letter, decision: Decision | None) -> Decision | None:
    """The decision, if it is about this letter and not about an earlier one of the same id."""
    return decision if decision is not None and decision.given_up == letter.failed_at.isoformat() else None


def resent(letter: Letter, operator: Operator) -> Resent:
    """The original bytes, key and headers, which are known by their `ce_id` as before, and who sends them again."""
    ours = {"dlq-replay-of": letter.id, "dlq-replayed-by": operator.name}
    if letter.actor is not None:
        ours[ACTOR] = letter.actor
    if operator.token is not None:
        ours["authorization"] = f"Bearer {operator.token}"
    headers = letter.headers + tuple((name, text.encode()) for name, text in ours.items())
    return Resent(topic=letter.original.topic, key=letter.key, value=letter.value, headers=headers)
