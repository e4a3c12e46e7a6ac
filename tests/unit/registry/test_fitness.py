"""A version is inspected again by the rules of now: what others are told of it, and what it may still be used for."""

import pytest

from chassis.clock import new_id
from chassis.errors import ObjectsUnavailable, Refusal
from schemas.models import (
    InputBinding,
    ModelArchivalRequested,
    ModelArchived,
    ModelRegistrationMatched,
    VersionInspected,
    VersionPromotionRequested,
)
from services.registry.domain.inspection import RULES, Verdict, reason
from services.registry.domain.model import Model
from services.registry.domain.version import Version
from services.registry.ports import Taken
from services.registry.refusals import ModelNotLoaded, ModelUnsupported, NotInspected
from services.registry.usecases.archive_model import ArchiveModel
from services.registry.usecases.inspect_version import InspectVersion
from services.registry.usecases.promote_version import PromoteVersion
from services.registry.usecases.register_version import RegisterVersion
from tests.unit.registry.fakes import FakeRepository, FakeVersions, NobodyCollects, StoppedClock, delivery
from tests.unit.registry.requests import artifact, registration

STOPPED_EARLY = "It was stopped early: which of its rounds count isn't said."
BOUND = (InputBinding(name="x", known_as="#1"),)


class Registry:
    """A registry with one version that an earlier release took, and an inspection that finds what a test says."""

    def __init__(self):
        self.models = FakeRepository(Model)
        self.versions = FakeVersions(self.models)
        self.finds = ()
        clock = StoppedClock()
        self._register = RegisterVersion(self.models, self.versions, self._take, NobodyCollects(), clock)
        self._promote = PromoteVersion(self.models, self.versions, clock)
        self._archive = ArchiveModel(self.models, self.versions, clock)
        self.inspect = InspectVersion(
            models=self.models, versions=self.versions, inspect_again=self._look, clock=clock, new_id=new_id
        )

    async def _take(self, request, _):
        return Taken(artifact(1), await self._look(request))

    async def _look(self, said):
        if isinstance(self.finds, Exception):
            raise self.finds
        return self.finds

    async def register(self, **said):
        await self._register(registration(**said), delivery())
        return self.models.published[-1]

    async def promote(self, version=1):
        request = VersionPromotionRequested(model_id="demand", version=version, alias="production")
        await self._promote(request, delivery())

    async def archive(self):
        await self._archive(ModelArchivalRequested(model_id="demand", version=1), delivery())
        return self.models.published[-1]

    @property
    def told(self):
        return [each for each in self.models.published if isinstance(each, VersionInspected)]


@pytest.fixture
async def registry():
    made = Registry()
    await made.register()
    # As an earlier release registered it.
    made.models.published = [made.models.published[0].model_copy(update={"inspected_by": None})]
    return made


async def test_a_version_that_is_registered_now_says_by_which_rules_it_was_inspected():
    assert (await Registry().register()).inspected_by == RULES


async def test_a_version_that_is_fit_is_noted_and_nobody_is_told_what_everybody_knows(registry):
    verdict = await registry.inspect("demand/1")
    assert (verdict.unfit, registry.told, registry.versions.noted) == (None, [], {"demand/1": RULES})


async def test_a_version_that_would_be_refused_is_told_of_once_with_the_reason(registry):
    registry.finds = ModelUnsupported(STOPPED_EARLY)
    for _ in range(2):
        await registry.inspect("demand/1")
        noted = dict(registry.versions.noted)
        registry.versions.noted.clear()  # As if it had died before.

    (fact,) = registry.told
    assert (fact.version, fact.inspected_by, fact.unfit.code) == (1, RULES, "model-unsupported")
    assert fact.unfit.message == STOPPED_EARLY
    assert noted == {"demand/1": RULES}


async def test_what_a_model_says_of_itself_fits_into_the_fact(registry):
    registry.finds = ModelUnsupported("\x00\udce9" + "x" * 100_000)
    await registry.inspect("demand/1")
    assert registry.told[0].unfit.message.startswith("?xxx")


async def test_bindings_that_nobody_knew_are_told_once(registry):
    registry.finds = BOUND
    for _ in range(2):
        await registry.inspect("demand/1")
        noted = dict(registry.versions.noted)
        registry.versions.noted.clear()  # As if it had died before.
    assert [(each.unfit, each.bindings) for each in registry.told] == [(None, BOUND)]
    assert noted == {"demand/1": RULES}


async def test_a_version_that_was_inspected_meanwhile_is_left_alone(registry):
    await registry.inspect("demand/1")
    registry.finds = ModelUnsupported(STOPPED_EARLY)
    assert await registry.inspect("demand/1") is None
    assert registry.told == []


@pytest.mark.parametrize(
    "error",
    [NotInspected("no bubblewrap"), ModelNotLoaded("longer than 300 s"), ObjectsUnavailable("away")],
    ids=lambda each: each.code,
)
async def test_what_could_not_be_looked_at_is_no_verdict(registry, error):
    registry.finds = error
    with pytest.raises(type(error)):
        await registry.inspect("demand/1")
    assert (registry.told, registry.versions.noted) == ([], {})


async def test_an_unfit_version_keeps_its_alias_and_gets_no_other(registry):
    await registry.promote()
    registry.finds = ModelUnsupported(STOPPED_EARLY)
    await registry.inspect("demand/1")

    with pytest.raises(Refusal) as refused:
        await registry.promote()
    assert (refused.value.code, refused.value.violations[0].field) == ("version-unfit", "version")
    assert f"model-unsupported: {STOPPED_EARLY}" in refused.value.message
    assert (await registry.models.load("demand")).aliases_of(1) == ["production"]


async def test_an_unfit_version_can_be_archived_and_is_not_looked_at_any_more(registry):
    registry.finds = ModelUnsupported(STOPPED_EARLY)
    await registry.inspect("demand/1")
    assert isinstance(await registry.archive(), ModelArchived)
    assert await registry.inspect("demand/1") is None


async def test_later_rules_that_take_it_again_lift_the_verdict(registry):
    registry.finds = ModelUnsupported(STOPPED_EARLY)
    await registry.inspect("demand/1")
    registry.finds = ()
    registry.versions.noted.clear()
    await registry.inspect("demand/1")

    assert [each.unfit is None for each in registry.told] == [False, True]
    await registry.promote()


async def test_earlier_rules_say_nothing_against_later_ones():
    model = Model(model_id="demand", details=None)
    unfit = reason("model-unsupported", STOPPED_EARLY)
    later = Version(number=1, format="sklearn", inspected_by=3, unfit=unfit)
    model.inspected(later, Verdict(rules=2, at=StoppedClock().now()))
    assert model.events == []
    model.inspected(later, Verdict(rules=3, at=StoppedClock().now()))
    assert [each.unfit for each in model.events] == [None]


async def test_registering_the_same_bytes_again_lifts_the_verdict_when_they_are_taken(registry):
    registry.finds = ModelUnsupported(STOPPED_EARLY)
    await registry.inspect("demand/1")
    with pytest.raises(ModelUnsupported):
        await registry.register()
    registry.finds = ()
    await registry.register()

    matched, lifted = registry.models.published[-2:]
    assert isinstance(matched, ModelRegistrationMatched)
    assert (lifted.version, lifted.unfit) == (1, None)
    await registry.promote()


async def test_the_same_bytes_under_another_format_lift_no_verdict(registry):
    registry.finds = ModelUnsupported(STOPPED_EARLY)
    await registry.inspect("demand/1")
    registry.finds = ()
    assert isinstance(await registry.register(format="python"), ModelRegistrationMatched)
    assert len(registry.told) == 1
