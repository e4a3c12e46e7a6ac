"""Killed in the middle, run twice: every request is answered once, and no cycle gets in."""

import pytest

from tests.unit.deployer.said import dataset, deployment, model


@pytest.mark.timeout(180)
async def test_deployers_killed_in_the_middle_answer_each_request_once(start_deployer, neighbours, database, new_name):
    name = new_name()
    await neighbours.state("registry", model(model_id=name))
    await neighbours.state("registry", dataset(dataset_id=name, uri=f"s3://datasets/{name}/"))
    ids = [f"{name}-{number}" for number in range(8)]

    def requested(deployment_id, **said):
        return deployment(deployment_id=deployment_id, model_id=name, uri=f"s3://datasets/{name}/", **said)

    first, second = start_deployer(), start_deployer()
    first.await_ready()
    second.await_ready()
    for each in ids:
        await neighbours.asked(requested(each))
    ring = [(each, ids[(number + 1) % len(ids)]) for number, each in enumerate(ids)]
    asked = [await neighbours.ask(requested(each, after=[other])) for _ in range(3) for each, other in ring]
    await neighbours.answer(asked[2])
    first.kill()
    second.kill()
    start_deployer().await_ready()

    answers = [await neighbours.answer(each) for each in asked]

    assert all(len(neighbours.to(each)) == 1 for each in asked)
    assert {each.code for each in answers} == {"", "dependency-cycle"}
    stored = {each["_id"]: each["spec"]["after"] async for each in database["deployments"].find({"_id": {"$in": ids}})}
    assert not all(stored.values())
    graph = await database["dependencies"].find_one({"_id": "after"})
    assert {each: edges for each, edges in graph["settled"].items() if each in ids} == {
        each: edges for each, edges in stored.items() if edges
    }
