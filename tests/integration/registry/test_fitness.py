"""Versions that an earlier release took: what would be refused now says why, and isn't run."""

import asyncio
import hashlib
import signal
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from typing import Any
from uuid import uuid4

import pytest
import pytest_asyncio
import xgboost

from chassis.bus.delivery import Cause
from chassis.bus.outgoing import EventFactory
from chassis.clock import SystemClock, new_id
from chassis.crash_points import CrashPoint
from chassis.documents.aggregates import Aggregates
from chassis.documents.handled import Handled
from chassis.objects import Location
from schemas.aliases import Alias
from schemas.executions import ExecutionRequested
from schemas.models import ModelRegistered, VersionPromoted, VersionPromotionRequested
from schemas.values import AliasScope
from services.registry.domain.details import Details
from services.registry.domain.inspection import RULES
from services.registry.domain.model import Model
from services.registry.domain.version import fingerprint
from tests.integration.outsider import Outsider
from tests.integration.process import starting
from tests.models import boosted
from tests.unit.executor.requests import activated
from tests.unit.registry.requests import registration

pytestmark = pytest.mark.timeout(280)

SIGNATURE = {
    "inputs": [{"name": name, "type": "double", "required": False} for name in boosted.NAMES],
    "outputs": [{"name": "prediction", "type": "double", "required": True}],
    "params": [],
}
TOPICS = ("ml.model.events", "ml.model.refusals", "ml.execution.events", "ml.execution.refusals")


def booster(*, stopped_early: bool) -> bytes:
    """One that stopped early doesn't say how many of its rounds count: it would be scored with all of them."""
    some, others = (xgboost.DMatrix(boosted.ROWS[part], boosted.SCORE[part]) for part in (slice(120), slice(120, None)))
    more: dict[str, Any] = {"evals": [(others, "others")], "early_stopping_rounds": 3} if stopped_early else {}
    trained = xgboost.train({"eta": 1.2, "nthread": 1}, some, num_boost_round=40, verbose_eval=False, **more)
    assert not stopped_early or trained.best_iteration + 1 < trained.num_boosted_rounds()
    return bytes(trained.save_raw("json"))


@dataclass
class Release:
    """A registry of before, which asked nothing of a model but its format."""

    objects: Any
    database: Any
    model_id: str

    async def takes(self, *artifacts: bytes, production: int) -> None:
        """A model whose versions these are, as that release stored and published them."""
        facts = [await self._version(number, raw) for number, raw in enumerate(artifacts, start=1)]
        alias = Alias(alias="production", scope=AliasScope(), version=production)
        details = Details.of(registration(model_id=self.model_id))
        model = Model(model_id=self.model_id, details=details, versions=len(facts), aliases=(alias,))
        promoted = {"model_id": self.model_id, "promoted_by": "anonymous", "request_id": "p", **alias.model_dump()}
        model.events += [*facts, VersionPromoted.model_validate(promoted)]
        await self._models.change(self.model_id, lambda _: model, Cause(event_id=None, correlation_id="before"))

    async def takes_bad(self, *, production: int) -> None:
        await self.takes(booster(stopped_early=False), booster(stopped_early=True), production=production)

    async def document(self, number: int) -> dict[str, Any]:
        return await self.database["model_versions"].find_one({"_id": f"{self.model_id}/{number}"})

    @cached_property
    def _models(self) -> Aggregates[Model]:
        clock = SystemClock()
        events = EventFactory(source="/services/registry", clock=clock, new_id=new_id)
        handled = Handled(self.database["handled"], clock)
        return Aggregates(self.database["models"], Model, events=events, wake=lambda *_: None, handled=handled)

    async def _version(self, number: int, raw: bytes) -> ModelRegistered:
        digest = hashlib.sha256(raw).hexdigest()
        await self.objects.put(Location("models", f"sha256/{digest}/model.json"), raw)
        artifact = {"uri": f"s3://models/sha256/{digest}/model.json", "sha256": digest, "size_bytes": len(raw)}
        said = registration(model_id=self.model_id, format="xgboost", signature=SIGNATURE).model_dump()
        made = {"artifact": artifact, "version": number, "registered_by": "anonymous", "request_id": f"v{number}"}
        fact = ModelRegistered.model_validate({**said, **made, "registered_at": datetime.now(UTC)})
        document = {
            "model_id": self.model_id,
            "version": number,
            "state": "active",
            "fingerprint": fingerprint(fact, digest),
            "format": "xgboost",
            "event": fact.to_json().decode(),
        }
        await self.database["model_versions"].insert_one({"_id": f"{self.model_id}/{number}", **document})
        return fact


@pytest.fixture
def release(objects, database, new_name) -> Release:
    return Release(objects, database, new_name())


@pytest_asyncio.fixture
async def world(kafka):
    async with Outsider(kafka, *TOPICS, principals=("upstream", "deployer")) as one:
        yield one


@pytest.fixture
def environment(registry_environment):
    return {**registry_environment, "MLP_REGISTRY_REINSPECTION_PAUSE_S": "0.05"}


@pytest.fixture
def start(environment, tmp_path):
    with starting("registry", environment, tmp_path) as made:
        yield made


def told(world, model_id):
    return world.find(lambda each: each.key == model_id and each.name == "VersionInspected")


async def until_noted(release, *numbers) -> None:
    async with asyncio.timeout(120):
        while [(await release.document(each)).get("inspected_by") for each in numbers] != [RULES] * len(numbers):
            await asyncio.sleep(0.1)


async def test_a_version_that_would_be_refused_is_not_run_and_says_why(
    world, release, start, service_environment, tmp_path
):
    await release.takes_bad(production=2)
    start()
    named = lambda each: each.key == release.model_id and each.name == "VersionInspected"  # noqa: E731
    (verdict,) = await world.hear(named, seconds=120)
    await until_noted(release, 1, 2)

    assert (verdict.data["version"], verdict.data["inspected_by"]) == (2, RULES)
    assert verdict.data["unfit"]["code"] == "model-unsupported"
    assert "best_iteration" in verdict.data["unfit"]["message"]
    assert (await release.document(1)).get("unfit") is None
    assert (await release.document(2))["unfit"]["code"] == "model-unsupported"
    promotion = VersionPromotionRequested(model_id=release.model_id, version=2, alias="next")
    assert (await world.asked(promotion)).code == "version-unfit"

    module = "tests.integration.growth.executor"
    with starting("executor", service_environment("executor"), tmp_path, module=module) as start_executor:
        executor = start_executor()
        await asyncio.to_thread(executor.await_ready)
        means = ({"version": 1}, {"version": 2}, {"alias": "production"})
        answers = [await _run(world, release.model_id, **each) for each in means]
    assert [each.name for each in answers] == ["ExecutionQueued", "RequestRejected", "RequestRejected"]
    assert [each.code for each in answers] == ["", "version-unfit", "version-unfit"]
    assert all("model-unsupported" in each.data["message"] for each in answers[1:])
    await world.settle(2)
    assert len(told(world, release.model_id)) == 1


async def test_a_registry_that_dies_when_it_has_told_leaves_the_rest_to_the_next_one(
    world, release, environment, tmp_path
):
    orders = tmp_path / "orders"
    orders.mkdir()
    (orders / f"registry.{CrashPoint.INSPECTED}").touch()
    await release.takes_bad(production=2)
    with starting("registry", {**environment, "MLP_FAULT_CRASH_FOLDER": str(orders)}, tmp_path) as start_mortal:
        assert await asyncio.to_thread(start_mortal().await_end, within_s=120) == -signal.SIGKILL
        start_mortal()
        await until_noted(release, 1, 2)
        await world.settle(4)
    assert [each.data["version"] for each in told(world, release.model_id)] == [2]
    facts = world.find(lambda each: each.topic == "ml.model.events" and each.key == release.model_id)
    assert [each.sequence for each in facts] == [1, 2, 3, 4]


async def test_two_registries_tell_once_what_they_find(world, release, start):
    await release.takes_bad(production=1)
    for _ in range(2):
        start()
    await until_noted(release, 1, 2)
    await world.settle(4)
    assert [each.data["version"] for each in told(world, release.model_id)] == [2]


async def test_bytes_that_are_not_those_of_before_are_no_verdict(world, release, start, objects):
    await release.takes_bad(production=1)
    uri = ModelRegistered.model_validate_json((await release.document(2))["event"]).artifact.uri
    await objects.put(Location.parse(uri), b"{}")
    start()
    await until_noted(release, 1)
    waiting = release.database["inspections"]
    async with asyncio.timeout(60):
        while "not_before" not in (await waiting.find_one({"_id": f"{release.model_id}/2"}) or {}):
            await asyncio.sleep(0.1)
    assert (await release.document(2)).get("inspected_by") is None
    assert told(world, release.model_id) == []


async def _run(world, model_id, **which):
    deployment_id = f"d-{uuid4().hex[:12]}"
    await world.state("deployer", activated(deployment_id=deployment_id, model_id=model_id, revision=1, **which))
    asked = {"execution_id": str(uuid4()), "deployment_id": deployment_id, "trigger": "manual"}
    return await world.asked(ExecutionRequested.model_validate(asked))
