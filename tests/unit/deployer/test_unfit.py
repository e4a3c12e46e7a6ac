"""Which deployments are said to mean a version that has turned out unfit."""

from datetime import UTC, datetime

import pytest
from structlog.testing import capture_logs

from schemas.deployments import DeploymentRequested
from schemas.models import VersionInspected
from services.deployer.domain.deployment import Asked, Deployment
from services.deployer.known import fold_model, fold_version, read_model, read_version
from services.deployer.telemetry import UNFIT
from services.deployer.unfit import UnfitWatch

from .said import deployment, model, promoted

NOW = datetime(2026, 11, 27, tzinfo=UTC)
NO = {"code": "model-unsupported", "message": "It was stopped early."}


def inspected(unfit=None):
    return VersionInspected(model_id="demand", version=1, inspected_by=2, inspected_at=NOW, unfit=unfit)


class World:
    """One model with two versions, and deployments of it."""

    def __init__(self):
        self.known = fold_model(fold_model({}, model()), promoted(1))
        self.version = fold_version(fold_version({}, model()), inspected(NO))
        self.stored = [self.made("d1", version=1), self.made("d2", alias="champion"), self.made("d3", version=2)]
        self.watch = UnfitWatch(self)

    @staticmethod
    def made(name, **which):
        said = deployment(deployment_id=name, **which)
        assert isinstance(said, DeploymentRequested)
        return Deployment.revised(None, said, Asked(by="a", request_id="r", at=NOW))

    async def versions(self):
        return [each for each in [read_version(self.version)] if each is not None and each.unfit]

    async def models(self, model_ids):
        return {"demand": read_model(self.known)}

    async def deployments(self, model_ids):
        return self.stored

    async def look(self):
        with capture_logs() as said:
            await self.watch.once()
        return [each["deployment_id"] for each in said if each["event"] == "deployment_unfit"]


@pytest.fixture
def world():
    return World()


async def test_those_that_mean_it_by_number_or_alias_are_said_once(world):
    assert await world.look() == ["d1", "d2"]
    assert await world.look() == []
    assert UNFIT._value.get() == 2


async def test_one_that_means_another_version_now_is_no_longer_counted_and_is_said_again_if_it_comes_back(world):
    await world.look()
    world.known = fold_model(world.known, promoted(2))
    assert (await world.look(), UNFIT._value.get()) == ([], 1)
    world.known = fold_model(world.known, promoted(1))
    assert await world.look() == ["d2"]


async def test_a_version_that_is_fit_again_is_nobodys_trouble(world):
    await world.look()
    world.version = fold_version(world.version, inspected())
    assert "unfit" not in world.version
    assert (await world.look(), UNFIT._value.get()) == ([], 0)
