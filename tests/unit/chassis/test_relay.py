"""What the relay publishes and takes off, and what it reads for that."""

import asyncio
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from chassis.bus.delivery import Cause
from chassis.bus.outgoing import EventFactory, Outgoing
from chassis.documents.aggregates import Aggregates
from chassis.documents.handled import Handled
from chassis.documents.relay import Relay
from chassis.errors import BusUnavailable, Unpublishable
from schemas.event import Event
from schemas.models import ModelArchived
from tests.unit.chassis.collection import MemoryCollection


@dataclass
class Bus:
    """Takes everything but what is about `giant`; may be away, and may have something happen before it answers."""

    published: list[tuple[str, int]] = field(default_factory=list)
    failures: int = 0
    gate: asyncio.Event | None = None

    async def publish(self, records) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.failures:
            self.failures -= 1
            raise BusUnavailable("switched off by the test")
        if any(each.key == b"giant" for each in records):
            raise Unpublishable("too large")
        self.published += [(each.key.decode(), each.envelope.sequence) for each in records]


@dataclass
class Archived:
    """Raises a fact each time it is asked."""

    model_id: str
    events: list[Event] = field(default_factory=list)


class _Noon:
    def now(self):
        return datetime(2026, 3, 3, 12, tzinfo=UTC)


def factory():
    numbers = iter(range(1000))
    return EventFactory(source="/services/registry", clock=_Noon(), new_id=lambda: str(next(numbers)))


def fact(model_id, sequence) -> Outgoing:
    event = ModelArchived(model_id=model_id, archived_by="anonymous", request_id="1")
    return factory().make(event, Cause(event_id=None, correlation_id="1"), sequence=sequence)


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def archive(outboxes):
    """Save one more fact of a model, as the process that `wake` belongs to."""
    events = factory()

    async def saved(model_id, wake):
        def decide(model):
            model = model or Archived(model_id)
            model.events.append(ModelArchived(model_id=model_id, archived_by="anonymous", request_id="1"))
            return model

        handled = Handled(MemoryCollection(), events.clock)
        aggregates = Aggregates(outboxes, Archived, events=events, wake=wake, handled=handled)
        await aggregates.change(model_id, decide, Cause(event_id=None, correlation_id="1"))

    return saved


def nobody(*_):
    """A relay that dies before it hears of the save."""


async def test_what_can_never_be_published_holds_nothing_else_up_and_is_not_forgotten(relay, outboxes, bus):
    for model_id in ("first", "giant", "last"):
        outboxes.documents[model_id] = {"_id": model_id, "_outbox": [fact(model_id, 1).to_document()]}
        relay.wake(outboxes, model_id)

    await relay.drain()

    assert sorted(bus.published) == [("first", 1), ("last", 1)]
    assert [each for each in outboxes.documents if outboxes.outbox(each)] == ["giant"]


async def test_what_a_save_has_just_made_is_published_without_being_read_again(relay, outboxes, bus, archive):
    await archive("demand", relay.wake)
    await relay.drain()
    await archive("demand", relay.wake)
    await relay.drain()

    assert (bus.published, outboxes.outbox("demand")) == ([("demand", 1), ("demand", 2)], [])
    assert outboxes.outboxes_read == 0


async def test_what_another_process_left_in_the_outbox_goes_first(relay, outboxes, bus, archive):
    await archive("demand", nobody)
    await archive("demand", relay.wake)

    await relay.drain()

    assert (bus.published, outboxes.outbox("demand")) == ([("demand", 1), ("demand", 2)], [])


async def test_saves_that_come_while_the_relay_waits_keep_their_order(relay, outboxes, bus, archive):
    for _ in range(3):
        await archive("demand", relay.wake)

    await relay.drain()

    assert (bus.published, outboxes.outbox("demand")) == ([("demand", n) for n in (1, 2, 3)], [])


async def test_a_save_that_comes_while_its_predecessor_is_on_its_way_follows_it(relay, outboxes, bus, archive):
    bus.gate = asyncio.Event()
    await archive("demand", relay.wake)
    draining = asyncio.create_task(relay.drain())
    await asyncio.sleep(0)
    await archive("demand", relay.wake)
    bus.gate.set()

    await draining

    assert (bus.published, outboxes.outbox("demand")) == ([("demand", 1), ("demand", 2)], [])


async def test_what_could_not_be_published_is_read_again_and_not_sent_after_its_successors(
    relay, outboxes, bus, archive, clock
):
    bus.failures = 1
    await archive("demand", relay.wake)
    with pytest.raises(BusUnavailable):
        await relay.drain()

    other = Relay(bus, clock)
    other.serve(outboxes)
    await archive("demand", other.wake)
    await other.drain()
    await relay.drain()

    assert (bus.published, outboxes.outbox("demand")) == ([("demand", 1), ("demand", 2)], [])


async def test_a_save_that_is_heard_of_late_hides_none_that_came_after_it(relay, outboxes, bus, archive):
    heard = []
    await archive("demand", lambda *what: heard.append(what))
    await archive("demand", relay.wake)
    relay.wake(*heard[0])

    await relay.drain()

    assert (bus.published, outboxes.outbox("demand")) == ([("demand", 1), ("demand", 2)], [])


async def test_a_relay_that_knows_an_older_outbox_takes_off_only_what_it_has_sent(relay, outboxes, bus, archive):
    await archive("demand", relay.wake)
    await archive("demand", nobody)  # another process, after this one's save and before its relay's turn

    await relay.drain()

    assert bus.published == [("demand", 1)]
    assert len(outboxes.outbox("demand")) == 1


async def test_a_relay_that_was_overtaken_repeats_itself_and_changes_nothing(relay, outboxes, bus, archive, clock):
    await archive("demand", relay.wake)
    other = Relay(bus, clock)
    other.serve(outboxes)
    await archive("demand", other.wake)
    await other.drain()

    await relay.drain()

    assert bus.published == [("demand", 1), ("demand", 2), ("demand", 1)]  # readers drop what isn't above the last
    assert outboxes.outbox("demand") == []


async def test_what_waits_in_memory_is_bounded_and_all_of_it_comes(relay, outboxes, bus, archive):
    for number in range(150):
        await archive(f"demand-{number}", relay.wake)
    assert sum(known is not None for known in relay._woken.values()) == 100

    await relay.drain()

    assert len(bus.published) == 150
    assert not any(outboxes.outbox(each) for each in outboxes.documents)


def left(outboxes, since) -> None:
    outboxes.documents["first"] = {"_id": "first", "_outbox": [fact("first", 1).to_document()], "_outbox_since": since}


@pytest.mark.parametrize("off", [timedelta(minutes=-5), timedelta(), timedelta(minutes=5)])
async def test_what_was_left_behind_is_published_soon_whatever_the_clock_of_who_saved_it_said(
    relay, outboxes, bus, clock, off
):
    left(outboxes, clock.now() + off)

    await relay._publish_left_behind()
    assert not bus.published, "whoever saved it may be about to publish it"
    clock.pass_time(4)
    await relay._publish_left_behind()

    assert bus.published == [("first", 1)]


async def test_an_outbox_that_others_empty_is_left_to_them(relay, outboxes, bus, clock):
    for _ in range(5):
        left(outboxes, clock.now())
        await relay._publish_left_behind()
        clock.pass_time(2)

    assert not bus.published
