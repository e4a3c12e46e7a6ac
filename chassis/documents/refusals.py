"""Refusals live in a collection of their own, so that a stranger's request can't create or disturb an aggregate."""

from datetime import timedelta
from typing import Any, Final

from chassis.bus.delivery import Delivery
from chassis.bus.envelope import Message
from chassis.bus.outgoing import EventFactory
from chassis.bus.request_key import RequestKey
from chassis.crash_points import CrashPoint, crash_points
from chassis.documents.aggregates import WakeRelay
from chassis.documents.client import Database, translated
from chassis.errors import DocumentConflict, Refusal
from schemas.refusals import RequestRejected, Violation
from schemas.topics import TOPICS, Topic

KEPT: Final = timedelta(days=30)
_BY_NAME: Final = {topic.name: topic for topic in TOPICS}
# Both quote what the asker wrote; together they have to fit into a record.
_MAX_VIOLATIONS: Final = 100
_MAX_MESSAGE_LENGTH: Final = 500


class Refusals:
    """One document a refused request, with its own outbox; gone after 30 days."""

    def __init__(self, database: Database, *, events: EventFactory, wake: WakeRelay) -> None:
        self.collection = database["refusals"]
        self._events = events
        self._wake = wake

    async def prepare(self) -> None:
        with translated():
            await self.collection.create_index("refused_at", expireAfterSeconds=int(KEPT.total_seconds()))

    async def has_refused(self, request_key: RequestKey) -> bool:
        with translated():
            which = {"_id": {"$in": list(request_key.forms)}}
            found = await self.collection.find_one(which, {"_outbox_since": 1})
        if found is not None and "_outbox_since" in found:
            # Whoever saved it may never have been told so, and woke nobody.
            self._wake(self.collection, found["_id"])
        return found is not None

    async def refuse(self, delivery: Delivery, message: Message, refusal: Refusal, topic: Topic) -> None:
        """Remember and publish that this request was refused; once, however often it is called.

        Raises:
            AssignmentLost: the request may be somebody else's by now.
        """
        event = RequestRejected(
            request_id=delivery.request_id,
            request_type=message.envelope.type,
            subject=message.envelope.subject or "",
            code=refusal.code,
            message=refusal.message[:_MAX_MESSAGE_LENGTH],
            violations=tuple(_shortened(each) for each in refusal.violations[:_MAX_VIOLATIONS]),
        )
        outgoing = self._events.make(event, delivery.cause, sequence=1, topic=_BY_NAME[str(topic.refusals)])
        now = self._events.clock.now()
        document: dict[str, Any] = {
            "_id": delivery.request_key.text,
            "code": refusal.code,
            "refused_at": now,
            "_outbox": [outgoing.to_document()],
            "_outbox_since": now,
        }
        delivery.ensure_live()
        try:
            with translated():
                await self.collection.insert_one(document)
        except DocumentConflict:
            self._wake(self.collection, delivery.request_key.text)
            return
        crash_points.passing(CrashPoint.REFUSED)
        self._wake(self.collection, delivery.request_key.text, [outgoing])


def _shortened(violation: Violation) -> Violation:
    return Violation(field=violation.field[:_MAX_MESSAGE_LENGTH], message=violation.message[:_MAX_MESSAGE_LENGTH])
