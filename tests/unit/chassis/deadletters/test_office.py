import asyncio

import pytest
from aiokafka import ConsumerRecord

from chassis.deadletters.letters import BadArgument, Which, read_id, read_letter, read_since
from chassis.deadletters.office import Operator, Status
from chassis.documents.decisions import State
from chassis.errors import BusUnavailable, Unpublishable
from schemas.topics import MODEL_EVENTS
from tests.unit.chassis.conftest import promotion
from tests.unit.chassis.test_tokens import JWT

ANA, BEN = Operator(name="ana"), Operator(name="ben")


async def status(world, letter):
    return Status.of(await world.office.decision_about(letter))


async def test_a_request_goes_to_its_topic_again_as_it_was_sent(world):
    odd = {"ce_id": b"42", "x-own": b"kept", "authorization": b"Bearer old"}
    letter = await world.buried(promotion(), headers=odd, actor="somebody")

    result = await world.office.replay(letter, Operator(name="ana", token="new"))

    (sent,) = world.publisher.published
    headers = dict(sent.headers)
    assert (sent.topic, sent.key, sent.value) == ("ml.model.requests", letter.key, letter.value)
    assert (headers["ce_id"], headers["x-own"], headers["authorization"]) == (b"42", b"kept", b"Bearer new")
    ours = {name: value for name, value in headers.items() if name.startswith("dlq-")}
    assert ours == {"dlq-replay-of": b"registry/0/0", "dlq-replayed-by": b"ana", "dlq-actor": b"somebody"}
    assert result.settled
    assert await status(world, letter) is Status.REPLAYED


async def test_what_was_replayed_is_not_replayed_again_unless_somebody_insists(world):
    letter = await world.buried(promotion())
    await world.office.replay(letter, ANA)

    result = await world.office.replay(letter, BEN)

    assert "was already replayed by ana" in result.said
    assert len(world.publisher.published) == 1

    await world.office.replay(letter, BEN, again=True)
    assert len(world.publisher.published) == 2
    decision = await world.office.decision_about(letter)
    assert (decision.by, decision.number) == ("ben", 2)
    (kept,) = world.databases["registry"]["dead_letter_decisions"].documents.values()
    assert [each["by"] for each in kept["earlier"]] == ["ana"]


async def test_a_replay_that_died_before_it_was_sent_is_gone_on_with(world):
    letter = await world.buried(promotion())
    world.publisher.failures = 1
    with pytest.raises(BusUnavailable):
        await world.office.replay(letter, ANA)
    assert await status(world, letter) is Status.REPLAYING

    result = await world.office.replay(letter, BEN)

    assert "sent to ml.model.requests again" in result.said
    assert (await world.office.decision_about(letter)).by == "ana"
    assert len(world.publisher.published) == 1


async def test_what_its_topic_does_not_take_is_said_to_have_failed_and_can_be_dropped(world):
    class Refusing:
        async def publish(self, records):
            raise Unpublishable("larger than its topic allows")

    letter = await world.buried(promotion())
    world.office._publisher = Refusing()

    result = await world.office.replay(letter, ANA)
    assert (result.settled, await status(world, letter)) == (False, Status.FAILED)

    await world.office.drop(letter, ANA, reason="too large")
    assert await status(world, letter) is Status.DROPPED


async def test_what_was_dropped_stays_dropped(world):
    letter = await world.buried(promotion())
    await world.office.drop(letter, ANA, reason="nonsense")

    again = await world.office.drop(letter, BEN, reason="other")
    replayed = await world.office.replay(letter, BEN)

    assert "already dropped by ana" in again.said
    assert "already dropped by ana" in replayed.said
    assert (await world.office.decision_about(letter)).reason == "nonsense"
    assert world.publisher.published == []


async def test_two_operators_at_once_decide_once(world):
    letter = await world.buried(promotion())

    await asyncio.gather(*(world.office.drop(letter, each, reason=each.name) for each in (ANA, BEN)))

    decision = await world.office.decision_about(letter)
    assert (decision.number, decision.reason) == (1, decision.by)


async def test_a_fact_waits_for_its_service_and_goes_nowhere_else(world):
    letter = await world.buried({}, topic=MODEL_EVENTS, service="deployer")

    result = await world.office.replay(letter, ANA)

    assert "deployer reads ml.model.events/1@7 again as soon as it runs" in result.said
    assert (result.settled, await status(world, letter)) == (False, Status.REPLAYING)
    assert world.publisher.published == []


async def test_a_fact_that_fails_again_is_said_to_have_failed(world):
    letter = await world.buried({}, topic=MODEL_EVENTS, service="deployer")
    decisions = world.decisions_of("deployer")
    replaying = asyncio.create_task(world.office.replay(letter, ANA, wait_s=30))
    while (decision := await decisions.about(letter.id)) is None:
        await asyncio.sleep(0)
    await decisions.end(decision, State.FAILED, "schema-invalid: version", world.clock.now())

    result = await replaying

    assert (result.settled, await status(world, letter)) == (False, Status.FAILED)
    assert "schema-invalid: version" in result.said


async def test_letters_are_chosen_by_service_code_topic_and_age(world):
    old = await world.buried(b"1")
    world.clock.pass_time(3600)
    young = await world.buried(b"2", code="handler-failed")
    other = await world.buried(b"3", service="deployer", topic=MODEL_EVENTS)

    async def chosen(**which):
        return [letter for letter, _ in await world.office.find(Which(**which))]

    assert await chosen() == [old, other, young]
    assert await chosen(service="deployer") == [other]
    assert await chosen(code="handler-failed") == [young]
    assert await chosen(topic="ml.model.events") == [other]
    assert await chosen(since=read_since("30m", world.clock.now())) == [other, young]


async def test_a_replay_that_its_service_never_comes_to_can_be_dropped(world):
    letter = await world.buried({}, topic=MODEL_EVENTS, service="gateway")
    await world.office.replay(letter, ANA)

    await world.office.drop(letter, BEN, reason="nobody reads it any more")

    assert await status(world, letter) is Status.DROPPED


async def test_a_letter_on_a_topic_that_was_made_anew_is_another_one(world):
    await world.office.drop(await world.buried(b"old"), ANA, reason="nonsense")
    world.shelf.letters.clear()
    world.clock.pass_time(60)

    letter = await world.buried(promotion())
    assert await status(world, letter) is Status.OPEN

    await world.office.replay(letter, BEN)
    assert (await status(world, letter), len(world.publisher.published)) == (Status.REPLAYED, 1)


async def test_a_letter_that_no_service_of_ours_wrote_is_shown_all_the_same(world):
    await world.buried(promotion())
    odd = ConsumerRecord("ml.registry.dlq", 1, 3, 0, 0, None, None, None, 0, 0, (("dlq-attempts", b"many"),))
    world.shelf.letters.append(read_letter("registry", odd))

    (found, _), _ = await world.office.find(Which())

    assert (found.id, found.attempts, found.ce_type) == ("registry/1/3", -1, "")


@pytest.mark.parametrize("text", ["", "registry", "registry/1", "nobody/1/2", "registry/1/-2", "registry/1/2/3"])
def test_what_is_no_id_is_told_what_one_looks_like(text):
    with pytest.raises(BadArgument, match="<service>/<partition>/<offset>"):
        read_id(text)


@pytest.mark.parametrize(
    "options",
    [
        {"body": b"{" * 600_000, "code": "too-large"},
        {"body": promotion(), "headers": {"x": b"h" * 3_000_000}},
        {"body": promotion(), "key": b"k" * 100_000},
    ],
)
async def test_what_was_not_kept_whole_is_not_sent_again_and_says_so(world, options):
    letter = await world.buried(**options)

    result = await world.office.replay(letter, Operator(name="ana"))

    assert not result.settled
    assert "only a part was kept" in result.said
    assert world.publisher.published == []
    assert Status.of(await world.office.decision_about(letter)) is Status.OPEN
    assert (await world.office.drop(letter, Operator(name="ana"), reason="told")).said == "dropped"


async def test_a_fact_that_was_not_kept_whole_is_read_again_from_its_topic(world):
    letter = await world.buried(b"{" * 2_000_000, code="too-large", topic=MODEL_EVENTS)

    assert "written down" in (await world.office.replay(letter, Operator(name="ana"))).said


async def test_what_had_a_token_is_sent_again_without_it(world):
    body = {"id": "1", "authorization": f"Bearer {JWT}", "data": promotion()}
    letter = await world.buried(body, headers={"content-type": b"application/cloudevents+json"})

    assert (await world.office.replay(letter, Operator(name="ana", token="t"))).settled
    (sent,) = world.publisher.published
    assert letter.is_redacted
    assert JWT.encode() not in sent.value
    assert dict(sent.headers)["authorization"] == b"Bearer t"
