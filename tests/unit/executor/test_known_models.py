"""What the executor remembers of models: a document a model and one a version, however they were kept before."""

from schemas.models import ModelArchived, VersionInspected, VersionPromoted
from schemas.values import ErrorInfo
from services.executor.replicas import VERSIONS, Models, fold_model
from tests.unit.executor.fakes import NOON, FakeFacts
from tests.unit.executor.requests import registered

PROMOTED = VersionPromoted(
    model_id="demand", alias="champion", scope={}, version=1, promoted_by="x", request_id="m2"
)  # fmt: skip


def archived(version=None):
    return ModelArchived(model_id="demand", version=version, archived_by="x", request_id="m3")


async def test_a_model_does_not_grow_with_its_versions():
    facts = FakeFacts(VERSIONS)
    for fact in (registered(), PROMOTED):
        facts.tell(fact, fold_model)
    before = facts["demand"]

    for number in range(2, 50):
        facts.tell(registered(version=number), fold_model)
    facts.tell(archived(3), fold_model)

    assert facts["demand"] == before
    known = [await Models(facts).version("demand", number) for number in (2, 3, 50)]
    assert [each and each.archived for each in known] == [False, True, None]


async def test_a_model_of_before_gives_its_versions_documents_of_their_own():
    versions = {
        str(number): {"registered": registered(version=number).to_json().decode(), "archived": number == 2}
        for number in (1, 2)
    }
    facts = FakeFacts(VERSIONS)
    facts.tell(PROMOTED, fold_model)
    whole = {**facts["demand"], "versions": versions}

    facts["demand"], parts = VERSIONS.former(whole)
    facts._part_fields |= {f"demand/{part}": fields for part, fields in parts.items()}

    model = await Models(facts).get("demand")
    assert (model.archived, [each.version for each in model.aliases]) == (False, [1])
    known = [await Models(facts).version("demand", number) for number in (1, 2)]
    assert [(each.registered.version, each.archived) for each in known] == [(1, False), (2, True)]


async def test_a_model_that_nothing_was_said_of_is_none():
    facts = FakeFacts(VERSIONS)
    assert await Models(facts).get("demand") is None
    facts.tell(registered(), fold_model)
    facts.tell(archived(), fold_model)
    assert (await Models(facts).get("demand")).archived


async def test_the_latest_word_on_a_versions_fitness_holds():
    facts, unfit = FakeFacts(VERSIONS), ErrorInfo(code="model-unsupported", message="It was stopped early.")
    for number in (1, 2, 3):
        facts.tell(registered(version=number), fold_model)
    for number, why in ((2, unfit), (3, unfit), (3, None)):
        facts.tell(inspected(number, why), fold_model)
    facts.tell(archived(2), fold_model)

    known = [await Models(facts).version("demand", number) for number in (1, 2, 3)]
    assert [(each.unfit, each.archived) for each in known] == [(None, False), (unfit, True), (None, False)]


def inspected(version, unfit=None):
    return VersionInspected(model_id="demand", version=version, inspected_by=2, inspected_at=NOON, unfit=unfit)
