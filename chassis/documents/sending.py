"""Events on their way to the bus, topic by topic: one that takes nothing, or doesn't answer, holds up no other."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeVar

import structlog

from chassis.bus.producer import Publisher
from chassis.documents.outbox import Outbox
from chassis.documents.troubles import Troubles
from chassis.errors import Outage, TopicRefuses, TopicUnavailable

log = structlog.get_logger(__name__)

T = TypeVar("T")

_PATIENCE_S: Final = 2.0

Forget = Callable[[Sequence[Outbox]], Awaitable[None]]
"""Told what the bus has: outboxes with their events, or with those of them that it has."""


@dataclass(frozen=True)
class _Result:
    """What a topic has taken; `outage`: the bus was away."""

    taken: list[Outbox] = field(default_factory=list[Outbox])
    outage: Outage | None = None


class Sending:
    """Sends outboxes. A topic that hasn't answered soon is sent nothing more until it has."""

    def __init__(self, publisher: Publisher, troubles: Troubles) -> None:
        self._publisher = publisher
        self._troubles = troubles
        self._late: set[str] = set()
        self._running: set[asyncio.Task[Any]] = set()

    def sendable(self, outboxes: Sequence[Outbox]) -> list[Outbox]:
        """The same without events for topics that still owe an answer."""
        if not self._late:
            return list(outboxes)
        kept = (each.without(self._late) for each in outboxes)
        return [left for left, each in zip(kept, outboxes, strict=True) if left.events or not each.events]

    async def send(self, collection: str, outboxes: Sequence[Outbox], forget: Forget) -> set[str]:
        """Publish what they hold, and have forgotten what was taken: the documents from which something has left.

        Raises:
            Outage: the bus is away.
        """
        sending = {
            topic: self._run(self._send(collection, topic, parts)) for topic, parts in _by_topic(outboxes).items()
        }
        if sending:
            await asyncio.wait(sending.values(), timeout=_PATIENCE_S)
        answered = [each.result() for each in sending.values() if each.done()]
        for topic, each in sending.items():
            if not each.done():
                self._late.add(topic)
                self._run(self._forget_late(collection, topic, each, forget))
        taken = _together(outboxes, answered)
        await forget(taken)
        for result in answered:
            if result.outage is not None:
                raise result.outage
        return {each.document_id for each in taken}

    async def _send(self, collection: str, topic: str, parts: Sequence[Outbox]) -> _Result:
        try:
            await self._publisher.publish([event for each in parts for event in each.events])
        except (TopicRefuses, TopicUnavailable) as error:
            self._troubles.met((collection, topic, None), error)
            return _Result()
        except Outage as error:
            return _Result(outage=error)
        except Exception:  # noqa: BLE001 - one of them holds up its own successors, and nobody else's
            return await self._one_by_one(collection, topic, parts)
        for place in (None, *(each.document_id for each in parts)):
            self._troubles.is_over((collection, topic, place))
        return _Result(list(parts))

    async def _one_by_one(self, collection: str, topic: str, parts: Sequence[Outbox]) -> _Result:
        taken: list[Outbox] = []
        for part in parts:
            sent = 0
            try:
                for event in part.events:
                    await self._publisher.publish([event])
                    sent += 1
            except (TopicRefuses, TopicUnavailable) as error:
                self._troubles.met((collection, topic, None), error)
                break
            except Outage as error:
                return _Result(taken, error)
            except Exception as error:  # noqa: BLE001 - whatever it is, it is this one's
                self._troubles.met((collection, topic, part.document_id), error)
            else:
                self._troubles.is_over((collection, topic, part.document_id))
            finally:
                taken += [Outbox(part.document_id, part.events[:sent])] if sent else []
        return _Result(taken)

    async def _forget_late(self, collection: str, topic: str, sending: asyncio.Task[_Result], forget: Forget) -> None:
        self._troubles.met((collection, topic, None), TopicUnavailable(f"{topic}: no answer in {_PATIENCE_S:g} s"))
        try:
            await forget((await sending).taken)
        except Exception:  # What isn't forgotten is sent again.
            log.warning("late_answer_lost", topic=topic, exc_info=True)
        finally:
            self._late.discard(topic)

    def _run(self, work: Coroutine[Any, Any, T]) -> asyncio.Task[T]:
        # Kept here: whoever waits for it may be told to stop, and it goes on to its end.
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return task


def _by_topic(outboxes: Sequence[Outbox]) -> dict[str, list[Outbox]]:
    parts: dict[str, list[Outbox]] = {}
    for outbox in outboxes:
        for topic in dict.fromkeys(event.topic for event in outbox.events):
            parts.setdefault(topic, []).append(outbox.only(topic))
    return parts


def _together(outboxes: Sequence[Outbox], results: Sequence[_Result]) -> list[Outbox]:
    """What the topics have taken of each outbox, in its own order; those that were empty, too."""
    taken: dict[str, set[str]] = {}
    for part in (each for result in results for each in result.taken):
        taken.setdefault(part.document_id, set()).update(event.envelope.id for event in part.events)
    parts = (each.among(taken.get(each.document_id, ())) for each in outboxes)
    return [part for part, whole in zip(parts, outboxes, strict=True) if part.events or not whole.events]
