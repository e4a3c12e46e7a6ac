import pytest

from chassis.errors import Refusal

from .fakes import Deployer, delivery
from .said import change, dataset, deployment, model


@pytest.fixture
async def deployer() -> Deployer:
    made = Deployer().knows(model(), dataset())
    await made.activate(deployment(), delivery())
    return made


async def test_each_change_is_a_fact_of_the_same_revision(deployer):
    for action in ("pause", "resume", "pause", "retire"):
        await deployer.change(change(action), delivery())

    facts = deployer.deployments.published[1:]
    assert [type(each).__name__ for each in facts] == [
        "DeploymentPaused", "DeploymentResumed", "DeploymentPaused", "DeploymentRetired",
    ]  # fmt: skip
    assert {each.revision for each in facts} == {1}


async def code(deployer, action, deployment_id="demand-fr"):
    with pytest.raises(Refusal) as caught:
        await deployer.change(change(action, deployment_id), delivery())
    return caught.value.code


async def test_a_change_that_changes_nothing_is_refused(deployer):
    assert await code(deployer, "resume") == "not-paused"
    await deployer.change(change("pause"), delivery())
    assert await code(deployer, "pause") == "already-paused"
    await deployer.change(change("retire"), delivery())
    for action in ("pause", "resume", "retire"):
        assert await code(deployer, action) == "deployment-retired"


async def test_what_is_not_there_cannot_be_changed(deployer):
    assert await code(deployer, "pause", "other") == "deployment-unknown"


async def test_the_same_change_again_gets_nothing_more(deployer):
    once = delivery()
    await deployer.change(change("pause"), once)
    await deployer.change(change("resume"), delivery())

    await deployer.change(change("pause"), once)

    assert (await deployer.deployments.load("demand-fr")).state == "active"
