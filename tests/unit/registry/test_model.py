"""What a model allows, and what it says when it does."""

import pytest
from pydantic import TypeAdapter

from chassis.errors import Refusal
from schemas.models import (
    ModelArchivalRequested,
    ModelArchived,
    ModelRegistered,
    ModelRegistrationMatched,
    ModelUpdated,
    ModelUpdateRequested,
    VersionPromoted,
    VersionPromotionRequested,
)
from services.registry.domain.model import Model
from services.registry.domain.version import fingerprint
from services.registry.ports import Taken
from services.registry.usecases.archive_model import ArchiveModel
from services.registry.usecases.promote_version import PromoteVersion
from services.registry.usecases.register_version import RegisterVersion
from services.registry.usecases.update_model import UpdateModel
from tests.unit.registry.fakes import FakeRepository, FakeVersions, NobodyCollects, StoppedClock, delivery
from tests.unit.registry.requests import SIGNATURE, artifact, registration


class Registry:
    """The use cases about models, on a repository in memory."""

    def __init__(self) -> None:
        self.content = 1
        self.taken = 0
        self.models = FakeRepository(Model)
        versions = FakeVersions(self.models)
        clock = StoppedClock()
        self.register_version = RegisterVersion(self.models, versions, self._take, NobodyCollects(), clock)
        self.promote_version = PromoteVersion(self.models, versions, clock)
        self.update_model = UpdateModel(self.models, clock)
        self.archive_model = ArchiveModel(self.models, versions, clock)

    async def _take(self, request, rely_on):
        self.taken += 1
        return Taken(artifact(self.content), ())

    async def register(self, content=1, **said):
        self.content = content
        await self.register_version(registration(**said), delivery())
        return self.models.published[-1]

    async def promote(self, version, **said):
        request = {"model_id": "demand", "version": version, "alias": "champion", **said}
        await self.promote_version(VersionPromotionRequested.model_validate(request), delivery())
        return self.models.published[-1]

    async def update(self, **said):
        await self.update_model(ModelUpdateRequested.model_validate({"model_id": "demand", **said}), delivery())
        return self.models.published[-1]

    async def archive(self, version=None):
        await self.archive_model(ModelArchivalRequested(model_id="demand", version=version), delivery())
        return self.models.published[-1]


@pytest.fixture
def registry() -> Registry:
    return Registry()


async def _code(awaitable) -> tuple[str, str]:
    with pytest.raises(Refusal) as refused:
        await awaitable
    return refused.value.code, refused.value.violations[0].field


async def test_new_bytes_are_the_next_version(registry):
    first, second = await registry.register(1), await registry.register(2)
    assert isinstance(first, ModelRegistered)
    assert (first.version, second.version) == (1, 2)
    assert first.artifact == artifact(1)
    assert first.registered_by == "anonymous"


@pytest.mark.parametrize(
    "other",
    [
        {"signature": {**SIGNATURE, "inputs": []}},
        {"signature": None},
        {"entrypoint": "model:predict"},
        {"requirements": ["numpy==2.0"]},
    ],
)
async def test_the_same_bytes_with_another_meaning_are_another_version(registry, other):
    await registry.register(1)
    assert (await registry.register(1, **other)).version == 2


async def test_the_same_version_again_is_matched_whatever_the_order_of_its_requirements(registry):
    await registry.register(1, requirements=["a", "b"])
    await registry.register(2)
    matched = await registry.register(1, requirements=["b", "a"])
    assert isinstance(matched, ModelRegistrationMatched)
    assert matched.version == 1


async def test_no_requirements_and_none_said_are_the_same(registry):
    await registry.register(1, requirements=[])
    assert isinstance(await registry.register(1), ModelRegistrationMatched)


async def test_what_is_said_of_an_existing_model_updates_it_beside_the_answer(registry):
    await registry.register(1, tags={"a": "1"}, card={"$ref": {"b.c": 2}})
    updated = await registry.register(2, name="Demand, new")
    registered = registry.models.published[-2]
    assert isinstance(updated, ModelUpdated)
    assert updated.changes.model_dump(exclude_none=True) == {"name": "Demand, new"}
    assert updated.request_id == registered.request_id
    # As stored: what the second request left out is still so.
    assert (registered.name, registered.tags, registered.card) == ("Demand, new", {"a": "1"}, {"$ref": {"b.c": 2}})


async def test_a_match_updates_too_and_nothing_new_says_nothing(registry):
    await registry.register(1)
    await registry.register(1)
    assert len(registry.models.published) == 2
    assert isinstance(await registry.register(1, owner="another"), ModelUpdated)
    assert isinstance(registry.models.published[-2], ModelRegistrationMatched)


async def test_an_archived_model_takes_no_version_and_no_bytes_are_read_for_it(registry):
    await registry.register(1)
    assert isinstance(await registry.archive(), ModelArchived)
    assert await _code(registry.register(2)) == ("model-archived", "model_id")
    assert registry.taken == 1
    assert await _code(registry.promote(1)) == ("model-archived", "model_id")
    assert await _code(registry.update(name="x")) == ("model-archived", "model_id")
    assert await _code(registry.archive()) == ("model-archived", "model_id")


async def test_a_promotion_says_what_it_replaced_in_its_scope(registry):
    await registry.register(1)
    await registry.register(2)
    everywhere, france, again = (
        await registry.promote(1),
        await registry.promote(2, scope={"market": "FR"}),
        await registry.promote(2),
    )
    assert isinstance(everywhere, VersionPromoted)
    assert (everywhere.previous_version, france.previous_version, again.previous_version) == (None, None, 1)


async def test_a_promotion_compares_with_what_was_expected(registry):
    await registry.register(1)
    await registry.register(2)
    assert await _code(registry.promote(2, expected_version=1)) == ("version-conflict", "expected_version")
    await registry.promote(1)
    assert (await registry.promote(2, expected_version=1)).previous_version == 1
    assert await _code(registry.promote(2, expected_version=1)) == ("version-conflict", "expected_version")


async def test_promotions_of_what_is_not_there_are_refused(registry):
    assert await _code(registry.promote(1)) == ("model-unknown", "model_id")
    await registry.register(1, brands=["Nord"])
    assert await _code(registry.promote(2)) == ("version-unknown", "version")
    assert await _code(registry.promote(1, scope={"market": "IT"})) == ("market-not-allowed", "scope.market")
    assert await _code(registry.promote(1, scope={"brand": "Süd"})) == ("brand-not-allowed", "scope.brand")
    await registry.archive(1)
    assert await _code(registry.promote(1)) == ("version-archived", "version")


async def test_a_model_has_so_many_aliases_and_no_more(registry, monkeypatch):
    monkeypatch.setattr("services.registry.domain.model.MAX_ALIASES", 2)
    await registry.register(1)
    await registry.register(2)
    await registry.promote(1)
    await registry.promote(1, scope={"market": "FR"})
    assert await _code(registry.promote(1, alias="another")) == ("alias-limit", "alias")
    assert (await registry.promote(2, scope={"market": "FR"})).previous_version == 1


async def test_a_model_for_all_markets_may_be_promoted_in_any(registry):
    await registry.register(1, markets=["*"])
    assert (await registry.promote(1, scope={"market": "IT"})).version == 1


async def test_archiving_what_is_not_there_is_refused(registry):
    assert await _code(registry.archive()) == ("model-unknown", "model_id")
    await registry.register(1)
    assert await _code(registry.archive(2)) == ("version-unknown", "version")
    assert (await registry.archive(1)).version == 1
    assert await _code(registry.archive(1)) == ("version-archived", "version")


async def test_an_archived_version_registered_again_is_still_that_version(registry):
    await registry.register(1)
    await registry.archive(1)
    assert (await registry.register(1)).version == 1


async def test_an_update_that_changes_nothing_is_answered_all_the_same(registry):
    await registry.register(1)
    updated = await registry.update(name="Demand")
    assert isinstance(updated, ModelUpdated)
    assert updated.changes.model_dump(exclude_none=True) == {}


async def test_an_update_of_an_unknown_model_is_refused(registry):
    assert await _code(registry.update(name="x")) == ("model-unknown", "model_id")


async def test_a_model_does_not_grow_with_its_versions(registry):
    async def size() -> int:
        return len(TypeAdapter(Model).dump_json(await registry.models.load("demand"), exclude={"events"}))

    await registry.register(0)
    before = await size()
    for content in range(1, 100):
        await registry.register(content)
    assert await size() <= before + len("100")


@pytest.mark.parametrize(
    "said",
    [
        {},
        {"signature": None},
        {"entrypoint": "model:predict", "requirements": ["b", "a"]},
        {"signature": {**SIGNATURE, "params": [{"name": "p", "type": "double", "required": False, "default": 1}]}},
        {"signature": {**SIGNATURE, "params": [{"name": "p", "type": "double", "required": False, "default": 0.1}]}},
        {
            "signature": {
                **SIGNATURE,
                "params": [{"name": "p", "type": "long", "required": False, "default": 2**53 - 1}],
            }
        },
    ],
)
async def test_a_versions_fact_has_the_fingerprint_of_its_request(registry, said):
    event = await registry.register(1, **said)
    read = ModelRegistered.model_validate_json(event.to_json())
    assert fingerprint(read, read.artifact.sha256) == fingerprint(registration(**said), artifact(1).sha256)
