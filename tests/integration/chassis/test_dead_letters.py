"""Dead letters on real servers: found, replayed once, dropped."""

from contextlib import AsyncExitStack

import pytest

from chassis.deadletters.connection import opened
from chassis.deadletters.difference import difference
from chassis.deadletters.letters import Which
from chassis.deadletters.office import Operator, Status
from chassis.errors import BusUnavailable
from schemas.executions import ExecutionFinished
from schemas.models import ModelUpdated
from schemas.topics import EXECUTION_EVENTS, MODEL_EVENTS
from tests.integration.living import living
from tests.integration.metrics.events import FINISHED, finished
from tests.integration.outsider import attributes

pytestmark = pytest.mark.timeout(120)

ANA = Operator(name="ana")


@pytest.fixture
async def office(kafka, mongo):
    async with opened(kafka.settings("operator"), mongo) as made:
        yield made


async def letter_about(office, key, *, service="registry"):
    """The one dead letter about `key`."""
    (letter,) = [each for each, _ in await office.find(Which(service=service)) if each.subject == key]
    return letter


async def status(office, letter):
    return Status.of(await office.decision_about(letter))


@pytest.fixture
async def broken(counting, outsider, new_name):
    """A request that failed for a bug which has been mended since; its id, and what it was about."""
    model_id = new_name()

    async def bug(event):
        if event.model_id == model_id:
            raise RuntimeError("a bug")

    counting.before = bug
    request_id = await outsider.send(model_id, description="one")
    await outsider.hear(lambda each: each.is_dead_letter and each.key == model_id)
    counting.before = None
    return request_id, model_id


async def test_one_is_found_shown_and_dropped(office, outsider, counting, new_name):
    model_id = new_name()
    headers = attributes("ml.ModelUpdateRequest.v1", model_id)
    await outsider.raw(b'{"model_id": 1}', model_id, headers)
    await outsider.hear(lambda each: each.is_dead_letter and each.key == model_id)

    letter = await letter_about(office, model_id)
    assert (letter.code, letter.original.topic, letter.attempts) == ("unknown-type", "ml.model.requests", 1)
    assert await office.letter(letter.id) == letter
    assert "ml.ModelUpdateRequested.v1" in difference(letter).said

    await office.drop(letter, ANA, reason="a test")
    assert await status(office, letter) is Status.DROPPED


async def test_a_request_that_is_replayed_twice_is_answered_once(office, outsider, broken):
    request_id, model_id = broken
    letter = await letter_about(office, model_id)

    await office.replay(letter, ANA)
    await outsider.answer(request_id)
    again = await office.replay(letter, ANA)
    assert "already replayed by ana" in again.said
    await office.replay(letter, ANA, again=True)

    last = await outsider.send(model_id, description="last")
    await outsider.answer(last)
    await outsider.nothing_more(lambda each: each.answers(request_id), 1)


async def test_a_replay_killed_between_sending_and_writing_that_down_is_gone_on_with(office, outsider, broken):
    class Dying:
        """Has it on the bus, and never hears of it."""

        def __init__(self, publisher):
            self._publisher = publisher

        async def publish(self, records):
            await self._publisher.publish(records)
            raise BusUnavailable("killed")

    request_id, model_id = broken
    letter = await letter_about(office, model_id)
    whole, office._publisher = office._publisher, Dying(office._publisher)
    with pytest.raises(BusUnavailable):
        await office.replay(letter, ANA)
    assert await status(office, letter) is Status.REPLAYING

    office._publisher = whole
    await office.replay(letter, ANA)

    assert await status(office, letter) is Status.REPLAYED
    last = await outsider.send(model_id, description="last")
    await outsider.answer(last)
    await outsider.nothing_more(lambda each: each.answers(request_id), 1)


class Fold:
    """Keeps descriptions; can't take `poison` before it is mended."""

    def __init__(self) -> None:
        self.mended = False

    def __call__(self, known, fact):
        description = fact.changes.description
        if description == "poison" and not self.mended:
            raise RuntimeError("a bug")
        return {"said": [*known.get("said", ()), description]}


def update(model_id, description):
    return ModelUpdated(model_id=model_id, changes={"description": description}, updated_by="x", request_id="1")


async def test_a_fact_is_read_again_into_its_place_by_one_instance(office, outsider, make_service, new_name):
    model_id, fold, read_again = new_name(), Fold(), []
    instances = [make_service() for _ in range(2)]
    replicas = [each.service.follow("known_models", topic=MODEL_EVENTS, fold=fold) for each in instances]
    for each in instances:
        (reader,) = each.service.rereading._readers[MODEL_EVENTS.name]

        async def noted(record, witness, reader=reader):
            read_again.append(record.offset)
            return await reader(record, witness)

        each.service.rereading._readers[MODEL_EVENTS.name] = [noted]

    async with AsyncExitStack() as stack:
        for each in instances:
            await stack.enter_async_context(living(each.service))
        for number, description in enumerate(("one", "poison", "three"), start=1):
            await outsider.state("registry", update(model_id, description), sequence=number)
        await outsider.hear(lambda each: each.is_dead_letter and each.key == model_id)
        assert (await replicas[0].get(model_id))["said"] == ["one", "three"]

        letter = await letter_about(office, model_id)
        failed = await office.replay(letter, ANA, wait_s=30)
        assert (failed.settled, await status(office, letter)) == (False, Status.FAILED)
        assert "handler-failed: RuntimeError: a bug" in failed.said

        fold.mended = True
        read_again.clear()
        done = await office.replay(letter, ANA, wait_s=30)
        assert (done.settled, await status(office, letter)) == (True, Status.REPLAYED)
        assert (await replicas[1].get(model_id))["said"] == ["one", "poison", "three"]
        assert read_again == [letter.original.offset]

        await outsider.state("registry", update(model_id, "four"), sequence=4)
        assert (await replicas[0].get(model_id))["said"] == ["one", "poison", "three", "four"]
        await outsider.nothing_more(lambda each: each.is_dead_letter and each.key == model_id, 1)


async def test_a_fact_that_a_batch_could_not_store_is_stored_when_it_is_read_again(office, batches, observer, new_name):
    _, shelf = batches
    body = ExecutionFinished.model_validate(finished(new_name()))
    shelf.poison.add(body.subject)
    headers = attributes(FINISHED, body.subject, source="/services/executor", sequence="3")
    await observer.write(EXECUTION_EVENTS.name, body.to_json(), key=body.subject, headers=headers, principal="executor")
    await observer.hear(lambda each: each.is_dead_letter and each.key == body.subject)

    letter = await letter_about(office, body.subject, service="metrics")
    assert not (await office.replay(letter, ANA, wait_s=30)).settled
    shelf.poison.clear()
    assert (await office.replay(letter, ANA, wait_s=30)).settled

    assert shelf.stored.count(body.subject) == 1
    await observer.nothing_more(lambda each: each.is_dead_letter and each.key == body.subject, 1, seconds=1.5)


async def test_letters_of_the_last_minutes_are_found_and_older_ones_not(office, outsider, counting, new_name):
    model_id = new_name()
    await outsider.raw(b"nonsense", model_id, attributes("ml.ModelUpdateRequested.v1", model_id))
    await outsider.hear(lambda each: each.is_dead_letter and each.key == model_id)
    letter = await letter_about(office, model_id)

    found = await office.find(Which(service="registry", since=letter.failed_at))

    assert letter in [each for each, _ in found]
    assert all(each.failed_at >= letter.failed_at for each, _ in found)
