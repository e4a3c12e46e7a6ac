"""What can't leave an outbox holds up itself, and whoever looks is told."""

import asyncio
import time
from collections import Counter

import pytest
from structlog.testing import capture_logs

from chassis.bus.delivery import Cause
from chassis.bus.outgoing import EventFactory
from chassis.documents.relay import Relay
from chassis.errors import (
    BusUnavailable,
    DocumentsUnavailable,
    OutboxBehind,
    TopicForbidden,
    TopicUnavailable,
    TopicUnknown,
    Unpublishable,
)
from schemas.models import ModelArchived
from schemas.topics import DATASET_EVENTS, MODEL_EVENTS, MODEL_REFUSALS
from tests.unit.chassis.outboxes import Outboxes

FACTS, OTHERS, REFUSALS = MODEL_EVENTS.name, DATASET_EVENTS.name, MODEL_REFUSALS.name


class Bus:
    """Takes all but what its topics or documents have a failure for; some topics don't answer."""

    def __init__(self) -> None:
        self.failures, self.silent, self.published, self.asked = {}, {}, [], Counter()

    async def publish(self, records) -> None:
        for topic in {each.topic for each in records}:
            self.asked[topic] += 1
            if topic in self.silent:
                await self.silent[topic].wait()
        for each in records:
            failure = self.failures.get(each.topic) or self.failures.get(each.value.decode())
            if failure is not None:
                raise failure
        self.published += [
            (each.topic, each.key.decode().removeprefix("m-"), each.envelope.sequence) for each in records
        ]


@pytest.fixture
def bus():
    return Bus()


@pytest.fixture
def put(outboxes, clock):
    """Have events for these topics in a document's outbox, numbered from 1; a text is what one's value says."""
    ids = iter(range(10_000))
    factory = EventFactory(source="/services/registry", clock=clock, new_id=lambda: str(next(ids)))

    def put(document_id, *topics, values=()):
        event = ModelArchived(model_id=f"m-{document_id}", archived_by="x", request_id="1")
        entries = [
            factory.make(event, Cause(event_id=None, correlation_id="1"), sequence=n).to_document() | {"topic": topic}
            for n, topic in enumerate(topics, start=1)
        ]
        for entry, value in zip(entries, values, strict=False):
            entry["value"] = value
        outboxes.documents[document_id] = {"_id": document_id, "_outbox": entries, "_outbox_since": clock.now()}

    return put


def left(outboxes):
    return {
        name: [entry["topic"] for entry in each["_outbox"]]
        for name, each in outboxes.documents.items()
        if each["_outbox"]
    }


async def look(relay, clock, *, after_s=11.0):
    clock.pass_time(after_s)
    await relay._publish_left_behind()


async def wake_all(relay, outboxes):
    for name in outboxes.documents:
        relay.wake(outboxes, name)
    await relay.drain()


@pytest.mark.parametrize(
    "failure", [TopicForbidden(FACTS), TopicUnknown(FACTS), TopicUnavailable(FACTS), RuntimeError("odd")]
)
async def test_a_topic_that_takes_nothing_keeps_its_own_events_and_no_others(relay, bus, outboxes, put, clock, failure):
    bus.failures = {FACTS: failure}
    put("a", FACTS, REFUSALS, FACTS)
    put("b", REFUSALS)
    put("c", FACTS)

    await wake_all(relay, outboxes)
    assert left(outboxes) == {"a": [FACTS, FACTS], "c": [FACTS]}

    bus.failures = {}
    await look(relay, clock)
    await look(relay, clock)
    assert left(outboxes) == {}
    assert [sequence for topic, key, sequence in bus.published if (topic, key) == (FACTS, "a")] == [1, 3]
    assert len(bus.published) == len(set(bus.published))


async def test_an_event_that_is_never_taken_holds_up_its_own_successors_alone(relay, bus, outboxes, put):
    bus.failures = {"giant": Unpublishable("too large")}
    put("a", FACTS, FACTS, FACTS, OTHERS, values=("small", "giant", "small"))
    put("b", FACTS)

    await wake_all(relay, outboxes)

    assert left(outboxes) == {"a": [FACTS, FACTS]}
    assert sorted(bus.published) == [(OTHERS, "a", 4), (FACTS, "a", 1), (FACTS, "b", 1)]


async def test_a_topic_that_does_not_answer_is_waited_for_beside_the_others(relay, bus, outboxes, put, clock):
    bus.silent = {FACTS: asyncio.Event()}
    put("a", FACTS, REFUSALS)
    put("b", REFUSALS)
    begun = time.monotonic()
    await wake_all(relay, outboxes)
    assert time.monotonic() - begun < 3
    assert left(outboxes) == {"a": [FACTS]}

    put("c", REFUSALS, FACTS)
    begun = time.monotonic()
    await wake_all(relay, outboxes)
    assert time.monotonic() - begun < 1
    assert (left(outboxes), bus.asked[FACTS]) == ({"a": [FACTS], "c": [FACTS]}, 1)

    bus.silent.pop(FACTS).set()
    async with asyncio.timeout(5):
        while "a" in left(outboxes):
            await asyncio.sleep(0.01)
    await look(relay, clock)
    await look(relay, clock)
    assert left(outboxes) == {}
    assert len(bus.published) == len(set(bus.published))


async def test_a_bus_that_is_away_keeps_everything_and_is_asked_again(relay, bus, outboxes, put):
    bus.failures = {FACTS: BusUnavailable("away")}
    put("a", FACTS, OTHERS)
    relay.wake(outboxes, "a")
    with pytest.raises(BusUnavailable):
        await relay.drain()
    assert (left(outboxes), list(relay._woken)) == ({"a": [FACTS]}, [("models", "a")])

    bus.failures = {}
    await relay.drain()
    assert left(outboxes) == {}


async def test_collections_do_not_wait_for_one_another(relay, bus, outboxes, put, clock):
    class Refusals(Outboxes):
        name = "refusals"

    refusals = Refusals()
    relay.serve(refusals)
    bus.failures = {FACTS: BusUnavailable("away")}
    put("a", FACTS)
    put("r", REFUSALS)
    refusals.documents["r"] = outboxes.documents.pop("r")
    relay.wake(outboxes, "a")
    relay.wake(refusals, "r")

    with pytest.raises(BusUnavailable):
        await relay.drain()

    assert (left(outboxes), left(refusals)) == ({"a": [FACTS]}, {})


async def test_a_document_whose_preparation_fails_holds_up_itself_alone(bus, outboxes, put, clock):
    async def prepare(events):
        if any(each.key == b"m-b" for each in events):
            raise KeyError("a bug")

    relay = Relay(bus, clock)
    relay.serve(outboxes, before_publish=prepare)
    for name in "abc":
        put(name, FACTS)

    await wake_all(relay, outboxes)

    assert left(outboxes) == {"b": [FACTS]}


async def test_a_preparation_that_waits_for_the_store_is_an_outage(bus, outboxes, put, clock):
    async def prepare(events):
        raise DocumentsUnavailable("away")

    relay = Relay(bus, clock)
    relay.serve(outboxes, before_publish=prepare)
    put("a", FACTS)
    relay.wake(outboxes, "a")

    with pytest.raises(DocumentsUnavailable):
        await relay.drain()


async def test_an_outbox_that_cannot_be_read_holds_up_itself_alone(relay, outboxes, put):
    put("a", FACTS)
    put("b", FACTS)
    outboxes.documents["a"]["_outbox"][0].pop("topic")

    await wake_all(relay, outboxes)

    assert [name for name, each in outboxes.documents.items() if each["_outbox"]] == ["a"]


async def test_any_number_that_cannot_leave_hides_none_that_can(relay, bus, outboxes, put, clock):
    bus.failures = {FACTS: TopicForbidden(FACTS)}
    for number in range(2500):
        put(f"stuck-{number}", FACTS)
    put("free", REFUSALS)

    for _ in range(8):
        await look(relay, clock, after_s=2.0)

    assert ("free" in left(outboxes), len(left(outboxes))) == (False, 2500)
    assert bus.asked[FACTS] < 60, "what can't leave is read again and again"


async def test_what_keeps_events_is_said_once_a_minute_and_shown_after_one(relay, bus, outboxes, put, clock):
    bus.failures = {FACTS: TopicForbidden("not ours to write"), "giant": Unpublishable("too large")}
    for number in range(5):
        put(f"a-{number}", FACTS)
    put("b", OTHERS, values=("giant",))
    with capture_logs() as said:
        for _ in range(59):
            await look(relay, clock, after_s=2.0)
            if clock.monotonic() < 1060:
                await relay.check()
    with pytest.raises(OutboxBehind) as told:
        await relay.check()

    errors = [(each["topic"], each["code"]) for each in said if each["log_level"] == "error"]
    assert errors == [(FACTS, "topic-forbidden"), (OTHERS, "unpublishable")] * 2
    for part in ("models", FACTS, "topic-forbidden: not ours to write", OTHERS, "unpublishable: too large"):
        assert part in str(told.value)

    bus.failures = {}
    for _ in range(10):
        await look(relay, clock)
    await relay.check()


async def test_an_outbox_that_is_old_for_no_known_reason_is_shown_too(relay, outboxes, put, clock):
    put("a", FACTS)
    relay._sending.sendable = lambda _: []
    for _ in range(40):
        await look(relay, clock, after_s=2.0)

    with pytest.raises(OutboxBehind, match="models for 7"):
        await relay.check()
