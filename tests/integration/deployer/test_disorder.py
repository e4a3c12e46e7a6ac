"""A deployer whose requests and facts come twice, late and out of order."""

import asyncio
import json

from chassis.settings import HttpSettings
from services.deployer.app import build
from services.deployer.known import fold_model
from services.deployer.settings import Settings
from tests.chaos.disorder import disordered
from tests.integration.facts import numbered
from tests.integration.living import living
from tests.unit.deployer.said import change, dataset, deployment, model, promoted


async def test_each_request_is_answered_once_and_what_is_stored_is_what_was_said(
    neighbours, database, kafka, mongo, s3, new_name
):
    settings = Settings(kafka=kafka.settings("deployer"), mongo=mongo, s3=s3, http=HttpSettings(port=0))
    names = [new_name() for _ in range(4)]
    with disordered(seed=11) as counts:
        service = build(settings)
    async with living(service):
        facts = {name: await _said_of_a_model(neighbours, name) for name in names}
        asked = [each for name in names for each in await _asked_about(neighbours, name)]
        for each in asked:
            await neighbours.answer(each)
        await neighbours.settle()

    assert min(counts.repeated, counts.overtaken) > 0, "it was all in order"
    assert [len(neighbours.to(each)) for each in asked] == [1] * len(asked)
    told = numbered(neighbours.find(lambda each: each.topic == "ml.deployment.events" and each.key in names))
    for name in names:
        stored = await database["deployments"].find_one({"_id": name})
        revisions = [each for each in told[name] if each.name == "DeploymentActivated"]
        assert (stored["_sequence"], stored["_outbox"]) == (len(told[name]), [])
        assert [each.data["revision"] for each in revisions] == list(range(1, stored["revision"] + 1))
        assert await _replica_of(database, name) == _folded(facts[name])


async def _said_of_a_model(neighbours, name):
    said = [model(model_id=name), *(promoted(1, alias=f"a{n}").model_copy(update={"model_id": name}) for n in range(6))]
    for number, fact in enumerate(said, start=1):
        await neighbours.state("registry", fact, sequence=number)
    await neighbours.state("registry", dataset(dataset_id=name, uri=f"s3://datasets/{name}/"))
    return said


async def _asked_about(neighbours, name) -> list[str]:
    wanted = deployment(deployment_id=name, model_id=name, uri=f"s3://datasets/{name}/")
    unknown = deployment(deployment_id=name, model_id=f"{name}-x", uri=f"s3://datasets/{name}/")
    requests = [wanted, change("pause", name), wanted, unknown, change("resume", name), wanted]
    return list(await asyncio.gather(*(neighbours.ask(each) for each in requests)))


async def _replica_of(database, name):
    stored = await database["known_models"].find_one({"_id": name})
    return {field: value for field, value in stored.items() if not field.startswith("_")}


def _folded(facts):
    fields = {}
    for each in facts:
        fields = fold_model(fields, each)
    return json.loads(json.dumps(fields))  # Lists, as they are stored.
