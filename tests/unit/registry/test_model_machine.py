"""Versions and aliases under any order of requests, each of them delivered any number of times."""

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from chassis.bus.delivery import Delivery
from chassis.errors import Refusal
from schemas.aliases import Alias, point
from schemas.event import Event
from schemas.models import (
    ModelArchivalRequested,
    ModelRegistered,
    ModelRegistrationMatched,
    ModelUpdated,
    VersionPromoted,
    VersionPromotionRequested,
)
from services.registry.domain.model import Model
from services.registry.ports import Taken
from services.registry.usecases.archive_model import ArchiveModel
from services.registry.usecases.promote_version import PromoteVersion
from services.registry.usecases.register_version import RegisterVersion
from tests.unit.registry.fakes import FakeRepository, FakeVersions, NobodyCollects, StoppedClock, delivery
from tests.unit.registry.requests import artifact, registration

scopes = st.fixed_dictionaries({}, optional={"market": st.sampled_from(["FR", "DE"]), "brand": st.just("Nord")})


class ModelMachine(RuleBasedStateMachine):
    """Requests are made in one order and delivered in another, again and again."""

    pending = Bundle("pending")
    delivered = Bundle("delivered")

    def __init__(self) -> None:
        super().__init__()
        self.models = FakeRepository(Model)
        versions = FakeVersions(self.models)
        clock = StoppedClock()
        self._answers: dict[type[Event], Any] = {
            VersionPromotionRequested: PromoteVersion(self.models, versions, clock),
            ModelArchivalRequested: ArchiveModel(self.models, versions, clock),
        }
        self._register = lambda content: RegisterVersion(
            self.models, versions, self._taker(content), NobodyCollects(), clock
        )
        self.refused: set[str] = set()
        self.handled: set[str] = set()
        self.contents: list[int] = []

    @staticmethod
    def _taker(content):
        async def take(request, rely_on):
            return Taken(artifact(content), ())

        return take

    @rule(target=pending, content=st.integers(1, 4), name=st.sampled_from(["A", "B"]))
    def ask_for_a_version(self, content, name):
        return registration(name=name), content, delivery()

    @rule(target=pending, version=st.integers(1, 4), scope=scopes, alias=st.sampled_from(["champion", "next"]))
    def ask_for_a_promotion(self, version, scope, alias):
        request = {"model_id": "demand", "version": version, "alias": alias, "scope": scope}
        return VersionPromotionRequested.model_validate(request), 0, delivery()

    @rule(target=pending, version=st.integers(1, 4))
    def ask_for_an_archival(self, version):
        return ModelArchivalRequested(model_id="demand", version=version), 0, delivery()

    @rule(target=delivered, request=consumes(pending))
    def deliver(self, request):
        event, content, where = request
        self._take(event, content, where)
        return request

    @rule(request=delivered)
    def deliver_again(self, request):
        before = list(self.models.published)
        self._take(*request)
        assert self.models.published == before

    def _take(self, event: Event, content: int, where: Delivery) -> None:
        if where.request_key in self.refused:
            return  # The bus looks there first.
        answer = self._register(content) if content else self._answers[type(event)]
        try:
            asyncio.run(answer(event, where))
            if content and where.request_id not in self.handled and content not in self.contents:
                self.contents.append(content)
            self.handled.add(where.request_id)
        except Refusal:
            self.refused.add(where.request_key)

    @invariant()
    def versions_count_from_one_in_the_order_of_their_contents(self):
        made = [each for each in self.models.published if isinstance(each, ModelRegistered)]
        assert [each.version for each in made] == list(range(1, len(made) + 1))
        assert [each.artifact.sha256 for each in made] == [artifact(content).sha256 for content in self.contents]

    @invariant()
    def every_granted_request_has_one_answer(self):
        answers = [each for each in self.models.published if not isinstance(each, ModelUpdated)]
        assert sorted(each.request_id for each in answers) == sorted(self.handled)

    @invariant()
    def a_match_names_the_version_of_the_same_content(self):
        made = {each.version for each in self.models.published if isinstance(each, ModelRegistered)}
        matched = [each for each in self.models.published if isinstance(each, ModelRegistrationMatched)]
        assert all(each.version in made for each in matched)

    @invariant()
    def whoever_folds_the_facts_has_the_models_aliases(self):
        aliases: tuple[Alias, ...] = ()
        for each in self.models.published:
            if isinstance(each, VersionPromoted):
                aliases = point(aliases, Alias(alias=each.alias, scope=each.scope, version=each.version))
        model = asyncio.run(self.models.load("demand"))
        assert (model.aliases if model else ()) == aliases


ModelMachine.TestCase.settings = settings(max_examples=60, stateful_step_count=30)
TestModelMachine = ModelMachine.TestCase
