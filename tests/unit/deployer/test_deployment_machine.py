"""Deployments under any order of requests, each delivered any number of times, by a process that is often stopped."""

import asyncio
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, consumes, invariant, rule

from chassis.bus.delivery import Delivery
from chassis.errors import Refusal
from schemas.deployments import DeploymentActivated, DeploymentPaused, DeploymentRequested, DeploymentRetired
from services.deployer.dependencies import DependencyUndecided

from .fakes import Deployer, Stopped, delivery
from .said import change, dataset, deployment, model

IDS = [f"{each}-x" for each in "abc"]
ids = st.sampled_from(IDS)
actions = st.sampled_from(["pause", "resume", "pause", "resume", "retire"])


def stop() -> None:
    raise Stopped


class DeploymentMachine(RuleBasedStateMachine):
    """Requests are made in one order and delivered in another, again and again."""

    pending = Bundle("pending")
    delivered = Bundle("delivered")

    def __init__(self) -> None:
        super().__init__()
        self.deployer = Deployer().knows(model(), dataset())
        for each in IDS:
            asyncio.run(self.deployer.activate(deployment(deployment_id=each), delivery()))

    @rule(target=pending, who=ids, after=st.sets(ids, min_size=1, max_size=2), revision=st.none() | st.integers(1, 3))
    def ask_for_a_deployment(self, who, after, revision):
        said = {"after": sorted(after - {who}), "expected_revision": revision}
        return deployment(deployment_id=who, **said), delivery()

    @rule(target=pending, who=ids, action=actions)
    def ask_for_a_change(self, who, action):
        return change(action, who), delivery()

    @rule(target=delivered, request=consumes(pending), stopped=st.sampled_from(["", "", "before_save", "after_save"]))
    def deliver(self, request, stopped):
        if stopped:
            setattr(self.deployer.deployments, stopped, stop)
        try:
            self._take(*request)
        except Stopped:
            pass
        finally:
            self.deployer.deployments.before_save = self.deployer.deployments.after_save = lambda: None
        return request

    @rule(request=delivered)
    def deliver_again(self, request):
        self._take(*request)

    @rule(seconds=st.sampled_from([1, 61]))
    def wait(self, seconds):
        self.deployer.clock.pass_time(seconds)

    def _take(self, event: Any, where: Delivery) -> None:
        if where.request_key in self.deployer.refused.keys:
            return  # The bus looks there first.
        answer = self.deployer.activate if isinstance(event, DeploymentRequested) else self.deployer.change
        try:
            asyncio.run(answer(event, where))
        except DependencyUndecided:
            return  # It is put back.
        except Refusal:
            if not asyncio.run(self.deployer.deployments.has_handled(event.deployment_id, where.request_key)):
                self.deployer.refused.keys.add(where.request_key)

    @property
    def _stored(self):
        return {each.deployment_id: each for each in asyncio.run(self.deployer.deployments.all())}

    @invariant()
    def nothing_waits_for_itself(self):
        edges = {name: set(each.waits_for) for name, each in self._stored.items()}
        while free := [name for name, waits in edges.items() if not waits & edges.keys()]:
            for name in free:
                del edges[name]
        assert not edges

    @invariant()
    def the_graph_has_every_edge_that_holds(self):
        graph = asyncio.run(self.deployer.graphs.load())
        for name, each in self._stored.items():
            reserved = [edge for one in graph.reservations((name,)) for edge in one.after]
            assert set(each.waits_for) <= {*graph.settled.get(name, ()), *reserved}

    @invariant()
    def a_request_has_one_answer(self):
        answered = [each.request_id for each in self.deployer.deployments.published]
        refused = {key.former.rpartition("/")[2] for key in self.deployer.refused.keys}
        assert len(answered) == len(set(answered))
        assert not refused & set(answered)

    @invariant()
    def whoever_folds_the_facts_has_the_deployments(self):
        folded: dict[str, tuple[int, str]] = {}
        for each in self.deployer.deployments.published:
            revision, _ = folded.get(each.deployment_id, (0, "active"))
            if isinstance(each, DeploymentActivated):
                assert each.revision == revision + 1
                folded[each.deployment_id] = (each.revision, "active")
            else:
                kinds = {DeploymentPaused: "paused", DeploymentRetired: "retired"}
                folded[each.deployment_id] = (revision, kinds.get(type(each), "active"))
        assert folded == {name: (each.revision, each.state) for name, each in self._stored.items()}


DeploymentMachine.TestCase.settings = settings(max_examples=80, stateful_step_count=40)
TestDeploymentMachine = DeploymentMachine.TestCase
