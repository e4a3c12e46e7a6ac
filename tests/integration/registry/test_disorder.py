"""A registry whose requests come twice, late and out of order."""

import asyncio
import json

from chassis.objects import Location
from chassis.settings import HttpSettings
from services.registry.app import build
from services.registry.settings import Settings
from tests.chaos.disorder import disordered
from tests.integration.facts import numbered
from tests.integration.living import living
from tests.integration.registry.bodies import dataset_registration, registration
from tests.unit.registry.samples import PICKLE


async def test_each_request_is_answered_once_and_what_is_stored_is_what_was_said(
    upstream, objects, database, kafka, mongo, s3, new_name
):
    models, datasets = [new_name() for _ in range(4)], [new_name() for _ in range(2)]
    settings = Settings(kafka=kafka.settings("registry"), mongo=mongo, s3=s3, http=HttpSettings(port=0))
    with disordered(seed=7) as counts:
        service = build(settings)
    async with living(service):
        asked = [each for name in datasets for each in await _about_a_dataset(upstream, name)]
        asked += [each for name in models for each in await _about_a_model(upstream, objects, name)]
        answers = [await upstream.answer(each) for each in asked]
        await upstream.settle()

    assert min(counts.repeated, counts.overtaken) > 0, "it was all in order"
    assert [len({each.identity for each in upstream.to(one) if each.name != "ModelUpdated"}) for one in asked] == [
        1 if answer.name != "ModelUpdated" else 0 for answer in answers
    ]
    facts = numbered(upstream.find(lambda each: each.topic == "ml.model.events" and each.key in models))
    for name in models:
        await _equals_what_was_said(database, name, facts[name])
    numbered(upstream.find(lambda each: each.topic == "ml.dataset.events" and each.key in datasets))


async def _about_a_model(upstream, objects, name) -> list[str]:
    uris = [Location("models", f"incoming/test/{name}/{number}.pkl") for number in range(3)]
    for number, uri in enumerate(uris):
        await objects.put(uri, PICKLE[:-1] + bytes(number) + b".")
    promotion = {"model_id": name, "version": 1, "alias": "champion"}
    requests = [("ModelRegistrationRequested", registration(name, str(uri))) for uri in uris]
    requests += [
        ("VersionPromotionRequested", promotion),
        ("ModelUpdateRequested", {"model_id": name, "owner": "others"}),
        ("VersionPromotionRequested", {**promotion, "version": 9}),
        ("ModelArchivalRequested", {"model_id": name, "version": 1}),
    ]
    return list(await asyncio.gather(*(upstream.request(*each) for each in requests)))


async def _about_a_dataset(upstream, name) -> list[str]:
    """One that can't be read is refused; retiring what never was is refused, too."""
    registered = await upstream.request(
        "DatasetRegistrationRequested", dataset_registration(name, f"s3://datasets/{name}/")
    )
    return [registered, await upstream.request("DatasetRetirementRequested", {"dataset_id": name})]


async def _equals_what_was_said(database, name, facts) -> None:
    stored = await database["models"].find_one({"_id": name})
    assert (stored["_sequence"], stored["_outbox"]) == (len(facts), [])
    versions = [each for each in facts if each.name == "ModelRegistered"]
    assert [each.data["version"] for each in versions] == [1, 2, 3]
    for each in versions:
        kept = await database["model_versions"].find_one({"_id": f"{name}/{each.data['version']}"})
        assert json.loads(kept["event"]) == each.data
