"""Requests delivered again and again to processes that stop anywhere: each is decided on once, however long ago."""

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from unittest.mock import patch

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, invariant, multiple, rule

from chassis.bus.delivery import ANONYMOUS, Delivery
from chassis.bus.envelope import Envelope
from chassis.bus.outgoing import EventFactory
from chassis.documents import inbox
from chassis.documents.aggregates import Aggregates
from chassis.documents.handled import Handled
from schemas.event import Event
from tests.unit.chassis.collection import MemoryCollection

_LENGTH = 3


@dataclass
class Counted:
    """How often it was decided on."""

    decided: int = 0
    events: list[Event] = field(default_factory=list)


class Noon:
    def now(self):
        return datetime(2026, 3, 3, 12, tzinfo=UTC)


def delivery(number) -> Delivery:
    envelope = Envelope(id=str(number), source="/upstream/test", type="ml.Test.v1")
    return Delivery(envelope=envelope, actor=ANONYMOUS, topic="", partition=0, offset=0, timestamp=Noon().now())


def once_more(counted):
    return Counted((counted.decided if counted else 0) + 1)


class Stopped(BaseException):
    """The process is gone."""


class Fragile(MemoryCollection):
    """A process may be gone before one of its writes."""

    goes_before: str | None = None

    async def insert_many(self, documents, *, ordered) -> None:
        self._pass("insert_many")
        await super().insert_many(documents, ordered=ordered)

    async def bulk_write(self, writes):
        self._pass("bulk_write")
        return await super().bulk_write(writes)

    def _pass(self, name) -> None:
        if self.goes_before == name:
            self.goes_before = None
            raise Stopped


class InboxMachine(RuleBasedStateMachine):
    """Two processes share one document; either may stop before or between the writes that shorten an inbox."""

    asked = Bundle("asked")
    processes = st.sampled_from([0, 1])

    def __init__(self) -> None:
        super().__init__()
        self.documents, self.handled = Fragile("models"), Fragile("handled")
        self.processes_ = [self._started(), self._started()]
        self.sent = 0
        self.made: set[str] = set()
        self._short = patch.object(inbox, "INBOX_LENGTH", _LENGTH)
        self._short.start()

    def teardown(self) -> None:
        self._short.stop()

    def _started(self):
        handled = Handled(self.handled, Noon())
        events = EventFactory(source="/services/test", clock=Noon(), new_id=lambda: "1")
        return Aggregates(self.documents, Counted, events=events, wake=lambda *_: None, handled=handled)

    @rule(target=asked, by=processes, makes=st.booleans(), count=st.integers(1, 5))
    def ask(self, by, makes, count):
        numbers = range(self.sent, self.sent + count)
        for number in numbers:
            asyncio.run(self.processes_[by].answer("demand", once_more, delivery(number), makes=makes))
        self.made |= {f"models/demand/{delivery(number).request_key}" for number in numbers if makes}
        self.sent += count
        return multiple(*numbers)

    @rule(number=asked, by=processes, makes=st.booleans())
    def ask_again(self, number, by, makes):
        asyncio.run(self.processes_[by].answer("demand", once_more, delivery(number), makes=makes))

    @rule(by=processes)
    def shorten(self, by):
        asyncio.run(self.processes_[by].shorten_inboxes(["demand"]))

    @rule(by=processes, before=st.sampled_from([None, "insert_many", "bulk_write"]))
    def die_while_shortening(self, by, before):
        self.documents.goes_before = self.handled.goes_before = before
        with suppress(Stopped):
            self.shorten(by)
        self.documents.goes_before = self.handled.goes_before = None
        self.processes_[by] = self._started()

    @invariant()
    def each_was_decided_on_once(self):
        stored = self.documents.documents.get("demand", {"decided": 0})
        assert stored["decided"] == self.sent

    @invariant()
    def each_is_remembered(self):
        for number in range(self.sent):
            key = delivery(number).request_key
            assert asyncio.run(self.processes_[0].has_handled("demand", key))

    @invariant()
    def what_made_something_is_kept_for_good_and_the_rest_for_a_while(self):
        kept = {key: "left_at" not in each for key, each in self.handled.documents.items()}
        assert kept == {key: key in self.made for key in kept}

    @invariant()
    def the_document_holds_the_last_ones_and_what_nobody_has_taken_off_yet(self):
        entries = self.documents.documents.get("demand", {}).get("_inbox", [])
        assert [inbox.key_in(each) for each in entries] == [
            delivery(number).request_key.text for number in range(self.sent - len(entries), self.sent)
        ]
        assert len(entries) >= min(self.sent, _LENGTH)


TestInboxes = InboxMachine.TestCase
TestInboxes.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
