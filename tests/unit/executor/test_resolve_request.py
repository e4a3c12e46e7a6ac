"""A request is resolved by what the facts say, or refused with the code that says why."""

from datetime import UTC, datetime

import pytest

from chassis.errors import Refusal
from schemas.datasets import DatasetRetired
from schemas.deployments import DeploymentPaused, DeploymentResumed, DeploymentRetired
from schemas.known_datasets import fold_dataset
from schemas.models import ModelArchived, VersionInspected, VersionPromoted
from schemas.values import ErrorInfo
from services.executor.refusals import refusing
from services.executor.replicas import VERSIONS, Models, fold_deployment, fold_model
from services.executor.usecases.resolve_request import ResolveRequest
from tests.unit.executor.fakes import NOON, FakeFacts, delivery
from tests.unit.executor.requests import activated, dataset, registered, request

PARAMS = {
    "inputs": [],
    "outputs": [],
    "params": [
        {"name": "horizon", "type": "integer", "required": True},
        {"name": "level", "type": "double", "required": False, "default": 0.5},
    ],
}


def change(kind, **said):
    fields = {"deployment_id": "demand-fr", "revision": 2, "changed_by": "x", "request_id": "d2", **said}
    return kind.model_validate(fields)


def promoted(version, **scope):
    return VersionPromoted(
        model_id="demand", alias="champion", scope=scope, version=version, promoted_by="x", request_id="m2"
    )


def archived(version=None):
    return ModelArchived(model_id="demand", version=version, archived_by="x", request_id="m3")


class World:
    """What has been published so far."""

    def __init__(self, *facts):
        self.deployments, self.models, self.datasets = FakeFacts(), FakeFacts(VERSIONS), FakeFacts()
        for fact in facts or (registered(), activated()):
            self.tell(fact)

    def tell(self, fact):
        facts, fold = {
            "models": (self.models, fold_model),
            "datasets": (self.datasets, fold_dataset),
            "deployments": (self.deployments, fold_deployment),
        }[type(fact).__module__.removeprefix("schemas.")]
        facts.tell(fact, fold)

    async def resolve(self, asked=None):
        use_case = ResolveRequest(
            deployments=self.deployments,
            models=Models(self.models),
            datasets=self.datasets,
            formats=["onnx", "sklearn"],
        )
        with refusing():
            return await use_case(asked or request(), delivery())

    async def input(self, asked=None):
        return (await self.resolve(asked)).work.input

    async def code(self, asked=None):
        with pytest.raises(Refusal) as refusal:
            await self.resolve(asked)
        return refusal.value.code


async def test_a_version_is_resolved_with_its_input_and_terms():
    resolution = await World().resolve()

    assert (resolution.resolved.model_version, resolution.resolved.deployment_revision) == (1, 2)
    assert resolution.resolved.requested_at == "2026-11-23T12:00:00.123000Z"
    assert (resolution.terms.retries, resolution.terms.timeout_s) == (1, 3600)
    assert (resolution.work.input.uri, resolution.work.input.objects) == ("s3://datasets/sales/", ())


async def test_what_the_deployment_may_take_travels_with_its_work():
    assert (await World(registered(), activated(resources="large")).resolve()).work.resources == "large"


async def test_the_narrowest_scope_of_an_alias_wins():
    facts = [registered(), registered(version=2), promoted(1), promoted(2, market="FR"), activated(alias="champion")]

    assert (await World(*facts).resolve()).resolved.model_version == 2
    assert await World(registered(), activated(alias="champion")).code() == "alias-unknown"


async def test_paused_deployments_run_by_hand_and_retired_ones_never():
    world = World()
    world.tell(change(DeploymentPaused))
    assert await world.code(request(trigger="event")) == "deployment-paused"
    await world.resolve(request(trigger="manual"))

    world.tell(change(DeploymentResumed))
    await world.resolve(request(trigger="event"))

    world.tell(change(DeploymentRetired))
    assert await world.code() == "deployment-retired"


async def test_a_version_that_turned_out_unfit_is_refused_with_the_reason_whatever_leads_to_it():
    unfit = ErrorInfo(code="model-unsupported", message="It was stopped early.")
    verdict = VersionInspected(model_id="demand", version=1, inspected_by=2, inspected_at=NOON, unfit=unfit)
    promoted = VersionPromoted(
        model_id="demand", alias="production", scope={}, version=1, promoted_by="x", request_id="p"
    )
    for deployment in (activated(), activated(alias="production")):
        world = World(registered(), promoted, deployment, verdict)
        with pytest.raises(Refusal) as refusal:
            await world.resolve()
        assert refusal.value.code == "version-unfit"
        assert "model-unsupported: It was stopped early." in refusal.value.message
        world.tell(verdict.model_copy(update={"unfit": None}))
        await world.resolve()


@pytest.mark.parametrize("trigger", ["schedule", "dependency", "backfill"])
async def test_only_the_scheduler_may_use_its_triggers(trigger):
    assert await World().code(request(trigger=trigger)) == "trigger-not-allowed"


async def test_what_is_unknown_or_out_of_use_is_refused():
    assert await World().code(request(deployment_id="nobody")) == "deployment-unknown"
    assert await World().code(request(deployment_revision=3)) == "revision-unknown"
    assert await World(activated()).code() == "model-unknown"
    assert await World(registered(), activated(version=2)).code() == "version-unknown"
    assert await World(registered(), activated(), archived(1)).code() == "version-archived"
    assert await World(registered(), activated(), archived()).code() == "model-archived"
    with pytest.raises(Refusal, match="register a version that has one") as unsigned:
        await World(registered(signature=None), activated()).resolve()
    assert unsigned.value.code == "signature-missing"
    assert await World(registered(format="jar"), activated()).code() == "format-not-runnable"


async def test_parameters_are_merged_and_checked():
    facts = registered(signature=PARAMS), activated(params={"horizon": 4})
    resolution = await World(*facts).resolve(request(params={"level": 0.9}))
    assert resolution.work.params == {"horizon": 4, "level": 0.9}

    with pytest.raises(Refusal) as refusal:
        await World(registered(signature=PARAMS), activated()).resolve(request(params={"level": "high", "x": 1}))
    assert refusal.value.code == "parameter-invalid"
    assert [each.field for each in refusal.value.violations] == ["params.x", "params.horizon", "params.level"]


async def test_the_logical_date_takes_its_place_in_the_input():
    dated = {"uri": "s3://datasets/sales/{{ ds }}/", "format": "csv"}
    world = World(registered(), activated(input=dated))
    assert await world.code() == "logical-date-missing"

    input_ = await world.input(request(logical_date=datetime(2026, 11, 22, 23, 30, tzinfo=UTC)))
    assert (input_.uri, input_.format) == ("s3://datasets/sales/2026-11-22/", "csv")


OTHER = {"uri": "s3://datasets/sales/2026-11-22.parquet", "format": "parquet"}


async def test_an_input_of_the_requests_own_must_lie_under_a_data_set_of_its_format():
    world = World()
    assert await world.code(request(input=OTHER)) == "dataset-unknown"

    world.tell(dataset({"x": "double"}))
    assert (await world.input(request(input=OTHER))).uri == OTHER["uri"]
    assert await world.code(request(input={**OTHER, "format": "csv"})) == "format-mismatch"

    world.tell(DatasetRetired(dataset_id="sales", request_id="s2"))
    assert await world.code(request(input=OTHER)) == "dataset-unknown"


async def test_an_input_of_the_requests_own_must_have_the_models_columns_and_those_that_are_kept():
    assert (
        await World(registered(), activated(), dataset({"y": "double"})).code(request(input=OTHER)) == "column-missing"
    )
    assert await World(registered(), activated(), dataset({"x": "string"})).code(request(input=OTHER)) == "column-type"

    world = World(registered(), activated(keep=["store"]), dataset({"x": "double"}))
    with pytest.raises(Refusal, match="the input lacks the column store") as refusal:
        await world.resolve(request(input=OTHER))
    assert [each.field for each in refusal.value.violations] == ["keep.0"]


async def test_a_dated_input_of_the_requests_own_is_looked_for_where_its_date_puts_it():
    world = World(registered(), activated(), dataset({"x": "double"}))
    dated = {"uri": "s3://datasets/sales/{{ ds }}/", "format": "parquet"}

    input_ = await world.input(request(input=dated, logical_date=datetime(2026, 11, 22, tzinfo=UTC)))

    assert input_.uri == "s3://datasets/sales/2026-11-22/"
