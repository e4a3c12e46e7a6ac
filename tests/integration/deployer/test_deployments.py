"""A deployer on real servers, beside a registry and an upstream system."""

import asyncio

import pytest

from schemas.models import ModelArchived
from tests.unit.deployer.said import change, dataset, deployment, model, promoted, signature

pytestmark = pytest.mark.usefixtures("deployer")


@pytest.fixture
async def known(neighbours, new_name):
    """A model and a data set of this test alone; the requests that fit them."""
    name = new_name()
    strange = [{"name": "a.$b", "type": "double", "required": False}]
    await neighbours.state("registry", model(model_id=name, signature=signature(params=strange), tags={"x.$y": "z"}))
    await neighbours.state("registry", dataset(dataset_id=name, uri=f"s3://datasets/{name}/"))

    def requested(deployment_id=name, **said):
        return deployment(deployment_id=deployment_id, model_id=name, uri=f"s3://datasets/{name}/", **said)

    requested.name = name
    return requested


async def test_a_request_right_behind_the_facts_it_refers_to_is_granted(neighbours, known, database):
    said = {"params": {"a.$b": 0.5}, "schedule": {"cron": "0 6 * * 1", "timezone": "Europe/Paris"}}

    fact = await neighbours.asked(known(**said))

    assert (fact.type, fact.sequence) == ("ml.DeploymentActivated.v1", 1)
    assert (fact.data["revision"], fact.data["scheduling"]) == (1, "pending")
    assert fact.data["params"] == {"a.$b": 0.5}
    stored = await database["deployments"].find_one({"_id": known.name})
    assert (stored["state"], stored["spec"]["params"]) == ("active", [["a.$b", 0.5]])


async def test_a_deployment_goes_through_its_life(neighbours, known):
    first = await neighbours.asked(known())
    for action, code in [("pause", ""), ("pause", "already-paused"), ("resume", ""), ("resume", "not-paused")]:
        assert (await neighbours.asked(change(action, known.name))).code == code
    second = await neighbours.asked(known(expected_revision=1))
    stale = await neighbours.asked(known(expected_revision=1))
    retired = await neighbours.asked(change("retire", known.name))
    late = await neighbours.asked(known())

    assert (first.data["revision"], second.data["revision"]) == (1, 2)
    assert (second.sequence, retired.sequence) == (4, 5)
    assert (stale.code, late.code) == ("revision-conflict", "deployment-retired")


async def test_the_same_request_again_is_answered_once(neighbours, known):
    once = await neighbours.ask(known())
    for _ in range(3):
        await neighbours.ask(known(), request_id=once)
    refused = await neighbours.ask(known(version=9))
    await neighbours.ask(known(version=9), request_id=refused)

    last = await neighbours.asked(known())

    assert last.data["revision"] == 2
    assert (len(neighbours.to(once)), len(neighbours.to(refused))) == (1, 1)


async def test_a_refusal_names_every_field_and_creates_nothing(neighbours, known, database):
    await neighbours.state(
        "registry", dataset(dataset_id=known.name, uri=f"s3://datasets/{known.name}/", columns={}), sequence=2
    )

    refused = await neighbours.asked(known())

    assert refused.code == "column-missing"
    assert [each["field"] for each in refused.data["violations"]] == ["input.price", "input.week"]
    assert (refused.data["subject"], refused.data["request_type"]) == (known.name, "ml.DeploymentRequested.v1")
    assert await database["deployments"].find_one({"_id": known.name}) is None


async def test_an_alias_and_an_archival_count_as_soon_as_they_are_stated(neighbours, known):
    alias = promoted(1).model_copy(update={"model_id": known.name})
    assert (await neighbours.asked(known(alias="champion"))).code == "alias-unknown"
    await neighbours.state("registry", alias, sequence=2)
    assert (await neighbours.asked(known(alias="champion"))).code == ""
    await neighbours.state("registry", ModelArchived(model_id=known.name, archived_by="a", request_id="r"), sequence=3)
    assert (await neighbours.asked(known(alias="champion"))).code == "model-archived"


async def test_of_two_halves_of_a_cycle_asked_for_at_once_one_is_granted(neighbours, known, new_name, database):
    for _ in range(5):
        a, b = new_name(), new_name()
        await neighbours.asked(known(a))
        await neighbours.asked(known(b))

        asked = await asyncio.gather(neighbours.ask(known(a, after=[b])), neighbours.ask(known(b, after=[a])))
        codes = [(await neighbours.answer(each)).code for each in asked]

        assert sorted(codes) == ["", "dependency-cycle"]
    graph = await database["dependencies"].find_one({"_id": "after"})
    assert graph["reserved"] == []


async def test_what_breaks_its_schema_is_refused_with_its_violations(neighbours, new_name):
    broken = deployment(deployment_id=new_name()).model_copy(update={"timeout_s": 0, "market": "France"})

    refused = await neighbours.asked(broken)

    assert refused.code == "schema-invalid"
    assert {each["field"] for each in refused.data["violations"]} == {"timeout_s", "market"}
