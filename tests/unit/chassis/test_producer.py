"""What a publisher does when a record isn't taken: for that record, its topic, its producer, and for all others."""

import asyncio
import gc
import time
from types import SimpleNamespace

import pytest
from aiokafka.errors import (
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from chassis import tasks
from chassis.bus import producer as producing
from chassis.bus.producer import KafkaPublisher
from chassis.errors import (
    BusUnavailable,
    TopicForbidden,
    TopicUnavailable,
    TopicUnknown,
    Unpublishable,
)
from chassis.settings import KafkaSettings
from schemas.topics import FACT_MAX_BYTES, MODEL_EVENTS, MODEL_REFUSALS

FACTS, REFUSALS = MODEL_EVENTS.name, MODEL_REFUSALS.name


class FakeProducer:
    """Answers as `world` says: by topic, for `send` itself and for what comes of it."""

    def __init__(self, world) -> None:
        self.world, self.stopped = world, False
        self._message_accumulator = SimpleNamespace(fail_all=world.failed.append)

    async def send(self, topic, *, value, key, headers):
        self.world.asked.append(topic)
        for said in (self.world.at_once.get(topic), self.world.at_once.get(value)):
            if said is not None:
                raise said
        answer = asyncio.get_running_loop().create_future()
        said = self.world.later.get(topic, self.world.later.get(value))
        if said is None:
            self.world.sent.append((topic, value))
            asyncio.get_running_loop().call_later(0.01, answer.set_result, None)
        elif said != "silence":
            asyncio.get_running_loop().call_later(0.01, answer.set_exception, said)
        return answer

    async def stop(self) -> None:
        self.stopped = True


class World:
    def __init__(self) -> None:
        self.at_once, self.later, self.asked, self.sent, self.failed, self.made = {}, {}, [], [], [], []
        self.topics = {FACTS, REFUSALS}


@pytest.fixture
def world():
    return World()


@pytest.fixture
def publisher(world, clock, monkeypatch):
    class Publisher(KafkaPublisher):
        async def _start(self):
            world.made.append(FakeProducer(world))
            return world.made[-1]

        async def _may_exist(self, topic):
            return topic in world.topics

    monkeypatch.setattr(producing, "_ANSWER_S", 0.2)
    return Publisher(KafkaSettings(), monotonic=clock.monotonic)


def record(topic=FACTS, value=b"v", key=b"k"):
    return SimpleNamespace(topic=topic, key=key, value=value, headers=(("ce_id", b"1"),))


async def test_what_is_too_large_is_told_before_anything_is_sent_and_costs_no_producer(publisher, world):
    await publisher.publish([record()])
    with pytest.raises(Unpublishable, match=r"takes 1048576"):
        await publisher.publish([record(value=b"a"), record(value=b"x" * FACT_MAX_BYTES), record(value=b"b")])
    await publisher.publish([record(value=b"c")])

    assert world.sent == [(FACTS, b"v"), (FACTS, b"c")]
    assert [each.stopped for each in world.made] == [False]


async def test_what_a_broker_finds_too_large_is_not_asked_of_it_again_each_time(publisher, world, clock):
    world.later = {b"x" * 1000: MessageSizeTooLargeError()}
    with pytest.raises(Unpublishable):
        await publisher.publish([record(value=b"x" * 1000)])
    for _ in range(5):
        with pytest.raises(Unpublishable):
            await publisher.publish([record(value=b"x" * 2000)])
    await publisher.publish([record(value=b"small")])
    assert (len(world.made), world.asked) == (2, [FACTS, FACTS])

    clock.pass_time(1.1)
    world.later = {}
    await publisher.publish([record(value=b"x" * 1000)])
    await publisher.publish([record(value=b"x" * 2000)])


async def test_a_topic_that_refuses_is_asked_after_growing_pauses_and_others_go_on(publisher, world, clock):
    world.later = {FACTS: TopicAuthorizationFailedError(FACTS)}
    asked_at = []
    for _ in range(1000):
        before = world.asked.count(FACTS)
        with pytest.raises(TopicForbidden, match=FACTS):
            await publisher.publish([record()])
        if world.asked.count(FACTS) > before:
            asked_at.append(clock.monotonic() - 1000)
        clock.pass_time(0.1)

    assert asked_at == pytest.approx([0, 1, 3, 7, 15, 31, 61, 91], abs=0.3)
    await publisher.publish([record(REFUSALS)])
    assert (REFUSALS, b"v") in world.sent

    world.later = {}
    clock.pass_time(30)
    await publisher.publish([record()])
    await publisher.publish([record()])
    world.later = {FACTS: TopicAuthorizationFailedError(FACTS)}
    with pytest.raises(TopicForbidden):
        await publisher.publish([record()])
    clock.pass_time(1.1)
    world.later = {}
    await publisher.publish([record()])


@pytest.mark.parametrize(
    ("said", "raised", "made"),
    [
        (TopicAuthorizationFailedError(FACTS), TopicForbidden, 1),
        (UnknownTopicOrPartitionError(), TopicUnavailable, 1),
        (MessageSizeTooLargeError(), Unpublishable, 1),
        (KafkaError("whatever"), TopicUnavailable, 2),
    ],
)
async def test_what_the_client_says_before_it_has_numbered_a_record_leaves_its_producer_good(
    publisher, world, said, raised, made
):
    world.at_once = {FACTS: said}
    with pytest.raises(raised):
        await publisher.publish([record()])

    await publisher.publish([record(REFUSALS)])
    assert len(world.made) == made


async def test_a_topic_that_is_not_there_is_told_apart_from_one_that_does_not_answer(publisher, world):
    world.later = {FACTS: "silence", REFUSALS: "silence"}
    world.topics = {FACTS}

    with pytest.raises(TopicUnavailable):
        await publisher.publish([record()])
    with pytest.raises(TopicUnknown):
        await publisher.publish([record(REFUSALS)])


async def test_a_topic_that_does_not_answer_is_given_up_and_its_producer_too(publisher, world):
    world.later = {FACTS: "silence"}
    begun = time.monotonic()

    with pytest.raises(TopicUnavailable):
        await publisher.publish([record()])
    with pytest.raises(TopicUnavailable):
        await publisher.publish([record()])

    assert time.monotonic() - begun < 2
    assert world.asked == [FACTS]
    await asyncio.wait(publisher._stopping)
    assert world.made[0].stopped


async def test_topics_that_are_published_together_do_not_wait_for_one_another(publisher, world):
    world.at_once = {FACTS: TopicAuthorizationFailedError(FACTS)}

    with pytest.raises(TopicForbidden):
        await publisher.publish([record(), record(REFUSALS, b"1"), record(REFUSALS, b"2")])

    assert world.sent == [(REFUSALS, b"1"), (REFUSALS, b"2")]


async def test_those_sent_before_one_that_fails_are_waited_for_and_none_after_it_is_sent(publisher, world):
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    world.at_once = {b"bad": KafkaError("full")}
    world.later = {b"late": OutOfOrderSequenceNumber()}

    with pytest.raises(TopicUnavailable):
        await publisher.publish([record(value=b"late"), record(value=b"good"), record(value=b"bad"), record()])
    await asyncio.sleep(0.05)
    gc.collect()

    assert world.sent == [(FACTS, b"good")]
    assert complaints == []


async def test_whoever_stops_waiting_leaves_nothing_behind_that_complains(publisher, world):
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    world.later = {FACTS: KafkaError("later")}
    waiting = asyncio.create_task(publisher.publish([record()]))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await tasks.end(waiting)
    await asyncio.sleep(0.05)
    gc.collect()

    assert waiting.cancelled()
    assert complaints == []


async def test_a_record_that_no_client_takes_is_told_as_it_is(publisher, world):
    world.at_once = {b"odd": AssertionError("Need at least one: key or value")}

    with pytest.raises(AssertionError):
        await publisher.publish([record(value=b"odd")])


async def test_a_bus_that_cannot_be_reached_is_nobodys_topic(world, monkeypatch):
    class Dead:
        def __init__(self, **_) -> None:
            world.made.append(self)

        async def start(self) -> None:
            await asyncio.Event().wait()

        async def stop(self) -> None:
            world.failed.append(self)

    monkeypatch.setattr(producing, "AIOKafkaProducer", Dead)
    monkeypatch.setattr(producing, "_START_S", 0.1)
    publisher = KafkaPublisher(KafkaSettings())

    with pytest.raises(BusUnavailable) as told:
        await publisher.publish([record()])
    assert type(told.value) is BusUnavailable
    assert world.failed == world.made


async def test_a_producer_that_would_try_for_ever_is_made_to_end(world, monkeypatch):
    monkeypatch.setattr(producing, "_FLUSH_S", 0.05)
    ends = asyncio.Event()

    class Stuck(FakeProducer):
        async def stop(self) -> None:
            await ends.wait()

    stuck = Stuck(world)
    stuck._message_accumulator = SimpleNamespace(fail_all=lambda _: ends.set())
    publisher = KafkaPublisher(KafkaSettings())
    publisher._producer = stuck

    begun = time.monotonic()
    await publisher.stop()
    assert time.monotonic() - begun < 1
    assert ends.is_set()
