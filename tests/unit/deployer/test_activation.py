import pytest

from chassis.errors import Refusal
from schemas.datasets import DatasetRetired
from schemas.known_datasets import places
from schemas.models import ModelArchived, ModelUpdated, VersionInspected

from .fakes import Deployer, delivery
from .said import change, dataset, deployment, inputs, model, promoted, signature

PARAMS = [
    {"name": "horizon", "type": "integer", "required": True},
    {"name": "level", "type": "double", "required": True, "default": 0.9},
    {"name": "p.$q", "type": "string", "required": False},
]


@pytest.fixture
def deployer() -> Deployer:
    return Deployer().knows(model(), dataset())


async def refusal(deployer: Deployer, **said) -> Refusal:
    with pytest.raises(Refusal) as caught:
        await deployer.activate(deployment(**said), delivery())
    assert deployer.deployments.published == []
    return caught.value


async def code(deployer: Deployer, **said) -> str:
    return (await refusal(deployer, **said)).code


async def test_a_request_that_fits_is_answered_with_the_whole_deployment(deployer):
    await deployer.activate(deployment(keep=["store"]), delivery("r-1"))

    (fact,) = deployer.deployments.published
    assert fact.model_dump(mode="json", exclude_none=True) == {
        "deployment_id": "demand-fr",
        "name": "Demand, France",
        "model_id": "demand",
        "version": 1,
        "market": "FR",
        "input": {"uri": "s3://datasets/sales/", "format": "parquet"},
        "keep": ["store"],
        "params": {},
        "after": [],
        "resources": "small",
        "retries": 1,
        "timeout_s": 3600,
        "revision": 1,
        "scheduling": "none",
        "requested_by": "anonymous",
        "request_id": "r-1",
    }


async def test_the_same_request_again_gets_nothing_more_even_where_it_would_be_refused_now(deployer):
    once = delivery()
    await deployer.activate(deployment(), once)
    deployer.knows(ModelArchived(model_id="demand", archived_by="a", request_id="r"))

    await deployer.activate(deployment(), once)

    assert len(deployer.deployments.published) == 1


async def test_an_existing_deployment_gets_its_next_revision(deployer):
    await deployer.activate(deployment(), delivery())
    await deployer.activate(deployment(name="Other", expected_revision=1), delivery())

    assert [each.revision for each in deployer.deployments.published] == [1, 2]
    stored = await deployer.deployments.load("demand-fr")
    assert (stored.spec.name, stored.revision) == ("Other", 2)


async def test_an_expected_revision_that_is_not_there_is_a_conflict(deployer):
    assert await code(deployer, expected_revision=1) == "revision-conflict"
    await deployer.activate(deployment(), delivery())
    with pytest.raises(Refusal, match="at revision 1, not 2"):
        await deployer.activate(deployment(expected_revision=2), delivery())


async def test_the_next_revision_of_a_paused_deployment_is_in_force(deployer):
    await deployer.activate(deployment(), delivery())
    await deployer.change(change("pause"), delivery())
    await deployer.activate(deployment(), delivery())

    stored = await deployer.deployments.load("demand-fr")
    assert (stored.state, stored.revision) == ("active", 2)


async def test_a_retired_deployment_gets_no_revision(deployer):
    await deployer.activate(deployment(), delivery())
    await deployer.change(change("retire"), delivery())
    with pytest.raises(Refusal) as caught:
        await deployer.activate(deployment(), delivery())
    assert caught.value.code == "deployment-retired"


async def test_what_the_registry_does_not_offer_is_refused(deployer):
    assert await code(deployer, model_id="other") == "model-unknown"
    assert await code(deployer, version=2) == "version-unknown"
    assert await code(deployer, alias="champion") == "alias-unknown"
    assert await code(deployer, market="US") == "market-not-allowed"
    assert await code(deployer, market="*") == "market-not-allowed"
    assert await code(deployer, brand="Sud") == "brand-not-allowed"

    deployer.knows(model(version=2, signature=None), model(version=3, format="jar"))
    unsigned = await refusal(deployer, version=2)
    assert (unsigned.code, "register a version that has one" in unsigned.message) == ("signature-missing", True)
    assert await code(deployer, version=3) == "format-not-runnable"

    unfit = {"code": "model-unsupported", "message": "It was stopped early."}
    at = {"inspected_by": 2, "inspected_at": "2026-11-27T00:00:00Z"}
    deployer.knows(VersionInspected(model_id="demand", version=1, unfit=unfit, **at))
    said = await refusal(deployer)
    assert (said.code, "model-unsupported: It was stopped early." in said.message) == ("version-unfit", True)
    deployer.knows(VersionInspected(model_id="demand", version=1, **at))

    deployer.knows(ModelArchived(model_id="demand", version=1, archived_by="a", request_id="r"))
    assert await code(deployer) == "version-archived"
    deployer.knows(ModelArchived(model_id="demand", archived_by="a", request_id="r"))
    assert await code(deployer) == "model-archived"


async def test_an_alias_is_resolved_by_the_narrowest_scope(deployer):
    deployer.knows(model(version=2, format="jar"), promoted(2), promoted(1, market="FR"))

    await deployer.activate(deployment(alias="champion"), delivery())
    with pytest.raises(Refusal) as caught:
        await deployer.activate(deployment(alias="champion", market="DE"), delivery())

    assert caught.value.code == "format-not-runnable"


async def test_markets_and_brands_are_the_models_newest(deployer):
    changes = {"markets": ["US"], "brands": []}
    deployer.knows(ModelUpdated(model_id="demand", changes=changes, updated_by="a", request_id="r"))

    assert await code(deployer) == "market-not-allowed"
    await deployer.activate(deployment(market="US", brand="Sud"), delivery())


@pytest.mark.parametrize(
    "uri",
    ["s3://datasets/sales/", "s3://datasets/sales/a/b.parquet", "s3://datasets/sales/day={{ ds }}/"],
)
async def test_an_input_may_lie_anywhere_under_a_data_set(deployer, uri):
    await deployer.activate(deployment(uri=uri), delivery())


@pytest.mark.parametrize(
    "uri",
    ["s3://datasets/sales", "s3://datasets/sales-2/", "s3://datasets/{{ ds }}/sales/", "s3://datasets/sal{{ ds }}/"],
)
async def test_an_input_beside_every_data_set_is_refused(deployer, uri):
    refused = await refusal(deployer, uri=uri)
    assert (refused.code, "DatasetRegistrationRequested" in refused.message) == ("dataset-unknown", True)


async def test_the_narrowest_data_set_says_what_the_columns_are(deployer):
    inner = dataset(dataset_id="inner", uri="s3://datasets/sales/inner/", columns={"price": "double"})
    deployer.knows(inner)

    assert await code(deployer, uri="s3://datasets/sales/inner/x.parquet") == "column-missing"
    deployer.knows(DatasetRetired(dataset_id="inner", request_id="r"))
    await deployer.activate(deployment(uri="s3://datasets/sales/inner/x.parquet"), delivery())


async def test_an_object_can_be_a_data_set(deployer):
    deployer.knows(dataset(dataset_id="one", uri="s3://datasets/one.parquet"))

    await deployer.activate(deployment(uri="s3://datasets/one.parquet"), delivery())
    with pytest.raises(Refusal, match="under no registered data set"):
        await deployer.activate(deployment(uri="s3://datasets/one.parquet{{ ds }}"), delivery())


def test_of_a_template_only_what_stands_before_it_counts():
    assert places("s3://datasets/a/b{{ ds }}/c") == ("s3://datasets/a/",)
    assert places("s3://datasets/a/b") == ("s3://datasets/a/", "s3://datasets/a/b")


async def test_an_input_of_another_format_than_its_data_set_is_refused(deployer):
    request = {"input": {"uri": "s3://datasets/sales/", "format": "csv"}}
    assert await code(deployer, **request) == "format-mismatch"


async def test_every_missing_column_is_named(deployer):
    deployer.knows(model(version=2, signature=signature(inputs=inputs(a="double", price="double", b="string"))))

    refused = await refusal(deployer, version=2, keep=["store", "c"])

    assert refused.code == "column-missing"
    assert refused.message == "the input lacks the columns a, b, c (data set sales)"
    assert [each.field for each in refused.violations] == ["input.a", "input.b", "keep.1"]


async def test_an_input_that_is_not_required_may_be_missing_but_not_of_another_kind(deployer):
    optional = [{"name": "none", "type": "double", "required": False}]
    deployer.knows(model(version=2, signature=signature(inputs=optional)))
    await deployer.activate(deployment(version=2), delivery())

    optional = [{"name": "store", "type": "double", "required": False}]
    deployer.knows(model(version=3, signature=signature(inputs=optional)))
    with pytest.raises(Refusal) as caught:
        await deployer.activate(deployment(version=3), delivery())
    assert (caught.value.code, caught.value.violations[0].field) == ("column-type", "input.store")


@pytest.mark.parametrize(
    ("kind", "wanted", "fits"),
    [("long", "string", True), ("long", "double", True), ("string", "long", True), ("long", "datetime", False)],
)
async def test_what_folders_say_is_an_input_as_a_csvs_text_is(deployer, kind, wanted, fits):
    folders = [{"name": "price", "type": "double"}, {"name": "month", "type": kind, "folder": True}]
    deployer.knows(
        dataset(schema=folders), model(version=2, signature=signature(inputs=inputs(price="double", month=wanted)))
    )
    if fits:
        await deployer.activate(deployment(version=2, keep=["month"]), delivery())
        return
    assert await code(deployer, version=2, keep=["month"]) == "column-type"


async def test_what_files_say_is_no_text_beside_folders(deployer):
    files = [{"name": "price", "type": "long"}, {"name": "month", "type": "long", "folder": True}]
    deployer.knows(
        dataset(schema=files), model(version=2, signature=signature(inputs=inputs(price="string", month="string")))
    )
    refused = await refusal(deployer, version=2, keep=[])
    assert (refused.code, [each.field for each in refused.violations]) == ("column-type", ["input.price"])


async def test_a_kept_column_cannot_be_one_that_is_predicted():
    deployer = Deployer().knows(model(), dataset(columns={"price": "double", "week": "long", "prediction": "double"}))

    assert await code(deployer, keep=["prediction"]) == "column-conflict"


async def test_parameters_are_checked_against_the_signature(deployer):
    deployer.knows(model(version=2, signature=signature(params=PARAMS)))

    refused = await refusal(deployer, version=2, params={"level": "high", "other": 1})

    assert refused.code == "parameter-invalid"
    assert [each.field for each in refused.violations] == ["params.level", "params.other", "params.horizon"]
    await deployer.activate(deployment(version=2, params={"horizon": 3, "p.$q": "x"}), delivery())
    (fact,) = deployer.deployments.published
    assert fact.params == {"horizon": 3, "p.$q": "x"}


async def test_a_schedule_waits_for_a_scheduler(deployer):
    await deployer.activate(deployment(schedule={"cron": "0 6 * * mon", "timezone": "Europe/Paris"}), delivery())

    (fact,) = deployer.deployments.published
    assert (fact.scheduling, fact.schedule.cron) == ("pending", "0 6 * * mon")


@pytest.mark.parametrize(
    "cron", ["61 * * * *", "0 0 30 2 *", "R * * * *", "H H * * *", "0 0 * * someday", "*/0 * * * *"]
)
async def test_a_schedule_that_never_comes_due_or_by_chance_is_refused(deployer, cron):
    assert await code(deployer, schedule={"cron": cron, "timezone": "UTC"}) == "schedule-invalid"


async def test_it_can_only_come_after_what_is_there(deployer):
    assert await code(deployer, after=["other"]) == "deployment-unknown"


async def test_nothing_comes_after_what_is_retired(deployer):
    await deployer.activate(deployment(), delivery())
    await deployer.change(change("retire"), delivery())
    with pytest.raises(Refusal) as caught:
        await deployer.activate(deployment(deployment_id="next", after=["demand-fr"]), delivery())
    assert caught.value.code == "deployment-unknown"
