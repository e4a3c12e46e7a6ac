"""Replicas on real servers."""

import asyncio

import pytest

from schemas.models import ModelUpdated
from schemas.topics import MODEL_EVENTS
from tests.integration.living import living

pytestmark = pytest.mark.timeout(120)


def fold(known, fact):
    return {"facts": known.get("facts", 0) + 1}


async def test_a_replica_whose_store_was_lost_reads_its_topic_again(make_service, outsider, new_name):
    model_id = new_name()
    first = make_service()
    replica = first.service.follow("known_models", topic=MODEL_EVENTS, fold=fold)
    async with living(first.service):
        request_id = await outsider.send(model_id, description="one")
        await outsider.answer(request_id)
        assert (await replica.get(model_id))["facts"] == 1

    second = make_service()
    replica = second.service.follow("known_models", topic=MODEL_EVENTS, fold=fold)
    await second.service.database["known_models"].drop()
    await second.service.database["replica_positions"].drop()
    async with living(second.service), asyncio.timeout(20):
        assert (await replica.get(model_id))["facts"] == 1


async def test_a_fact_that_was_seen_is_passed_over_when_it_comes_again(make_service, outsider, new_name):
    model_id = new_name()
    made = make_service()
    replica = made.service.follow("known_models", topic=MODEL_EVENTS, fold=fold)
    fact = ModelUpdated(model_id=model_id, changes={}, updated_by="somebody", request_id=new_name())
    async with living(made.service):
        for sequence in (1, 2, 1, 2, 3):
            await outsider.state("registry", fact, sequence=sequence)
        assert (await replica.get(model_id))["facts"] == 3


async def test_a_replica_knows_that_a_topic_was_lost_and_made_anew(make_service, outsider, new_name):
    model_id = new_name()
    first = make_service()
    replica = first.service.follow("known_models", topic=MODEL_EVENTS, fold=fold)
    async with living(first.service):
        await outsider.answer(await outsider.send(model_id, description="one"))
        await replica.get(model_id)

    second = make_service()
    replica = second.service.follow("known_models", topic=MODEL_EVENTS, fold=fold)
    database = second.service.database
    # As seen of a topic that was longer than the present one, in which nothing of this model was said.
    await database["replica_positions"].update_many({}, {"$set": {"offset": 1_000_000}})
    await database["known_models"].delete_one({"_id": model_id})
    async with living(second.service), asyncio.timeout(20):
        assert (await replica.get(model_id))["facts"] == 1


async def test_a_position_that_was_not_stored_before_a_crash_wedges_nobody_while_others_live(
    make_service, outsider, new_name
):
    model_id = new_name()
    first, second = make_service(), make_service()
    first.service.follow("known_models", topic=MODEL_EVENTS, fold=fold)
    replica = second.service.follow("known_models", topic=MODEL_EVENTS, fold=fold)
    async with living(first.service):
        await outsider.answer(await outsider.send(model_id, description="one"))
        await asyncio.sleep(1)
        # As left by a member that died between its commit and the next storing of positions.
        await first.service.database["replica_positions"].update_many({}, {"$inc": {"offset": -1}})
        async with living(second.service), asyncio.timeout(20):
            assert (await replica.get(model_id))["facts"] == 1
