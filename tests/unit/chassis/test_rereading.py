import asyncio

import pytest

from chassis.bus.line import Outcome
from chassis.documents.decisions import Decision, Decisions, Original, Route, State, Verb
from chassis.documents.rereading import Rereading
from chassis.errors import Outage
from schemas.topics import MODEL_EVENTS

from .collection import memory_database
from .conftest import record


class OnePositions:
    def __init__(self, found) -> None:
        self._found = found

    async def record_at(self, topic, partition, offset):
        return self._found


class Reader:
    def __init__(self, outcome=Outcome.DONE, *, fails="") -> None:
        self.outcome, self.fails, self.read = outcome, fails, []

    async def __call__(self, taken, witness):
        self.read.append(taken)
        await asyncio.sleep(0)
        if self.fails:
            await witness.bury(taken, code=self.fails, message="why", attempts=5)
        return self.outcome


@pytest.fixture
def decisions():
    return Decisions(memory_database())


@pytest.fixture
async def asked(decisions, clock):
    decision = Decision(
        id="deployer/0/1",
        given_up="2026-03-03T12:00:00+00:00",
        verb=Verb.REPLAY,
        by="ana",
        at=clock.now(),
        reason="",
        original=Original(topic=MODEL_EVENTS.name, partition=1, offset=7),
        route=Route.SERVICE,
    )
    return await decisions.begin(decision)


def rereading(decisions, clock, *readers, found, owner="one"):
    made = Rereading(decisions, OnePositions(found), clock=clock, new_id=lambda: owner)
    for each in readers:
        made.serve(MODEL_EVENTS.name, each)
    return made


async def test_a_fact_is_read_again_by_every_line_of_its_topic(decisions, asked, clock):
    first, second, found = Reader(), Reader(Outcome.IGNORED), record({}, clock, topic=MODEL_EVENTS)

    await rereading(decisions, clock, first, second, found=found).look()

    assert (first.read, second.read) == ([found], [found])
    assert (await decisions.about(asked.id)).state is State.DONE


async def test_of_two_instances_one_reads_it(decisions, asked, clock):
    reader, found = Reader(), record({}, clock, topic=MODEL_EVENTS)
    instances = [rereading(decisions, clock, reader, found=found, owner=each) for each in ("one", "two")]

    await asyncio.gather(*(each.look() for each in instances))

    assert len(reader.read) == 1


async def test_what_an_instance_that_died_had_in_hand_is_taken_over_after_its_lease(decisions, asked, clock):
    reader, found = Reader(), record({}, clock, topic=MODEL_EVENTS)
    await decisions.collection.update_one({"_id": asked.id}, {"$set": {"lease": {"owner": "x", "beat": 3, "fence": 1}}})
    instance = rereading(decisions, clock, reader, found=found)

    await instance.look()
    assert reader.read == []

    clock.pass_time(20)
    await instance.look()
    assert len(reader.read) == 1


async def test_a_fact_that_fails_again_is_marked_with_the_reason(decisions, asked, clock):
    found = record({}, clock, topic=MODEL_EVENTS)

    await rereading(decisions, clock, Reader(Outcome.DEAD_LETTER, fails="schema-invalid"), found=found).look()

    decision = await decisions.about(asked.id)
    assert (decision.state, decision.outcome) == (State.FAILED, "schema-invalid: why")


async def test_a_fact_that_is_gone_from_its_topic_is_said_to_be_gone(decisions, asked, clock):
    await rereading(decisions, clock, Reader(), found=None).look()

    decision = await decisions.about(asked.id)
    assert (decision.state, decision.outcome) == (State.FAILED, "ml.model.events/1@7 is no longer on the topic")


async def test_an_outage_leaves_it_waiting_for_whoever_comes_next(decisions, asked, clock):
    reader, found = Reader(Outcome.PUT_BACK), record({}, clock, topic=MODEL_EVENTS)
    with pytest.raises(Outage):
        await rereading(decisions, clock, reader, found=found).look()
    reader.outcome = Outcome.DONE

    await rereading(decisions, clock, reader, found=found, owner="two").look()

    assert (await decisions.about(asked.id)).state is State.DONE


async def test_a_decision_that_cannot_be_read_ends_nothing(decisions, asked, clock):
    await decisions.collection.insert_one({"_id": "x", "state": "begun", "route": "service", "at": clock.now()})
    found = record({}, clock, topic=MODEL_EVENTS)

    await rereading(decisions, clock, Reader(), found=found).look()

    assert (await decisions.about(asked.id)).state is State.DONE
