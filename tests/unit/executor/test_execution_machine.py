"""One execution under any order of requests, claims, lost leases and late words: exactly one end."""

import asyncio

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from chassis.errors import Refusal
from schemas.executions import ExecutionCancelling, ExecutionFinished, ExecutionMatched, ExecutionQueued
from schemas.executions import ExecutionStarted as Started
from schemas.observations import MetricsObserved
from services.executor.domain.ending import Failed, Interrupted, TimedOut
from services.executor.domain.errors import LeaseLost
from services.executor.domain.terms import Tenure
from services.executor.moments import cause_of
from services.executor.replicas import VERSIONS, Models, fold_deployment, fold_model
from services.executor.usecases.cancel_execution import CancelExecution
from services.executor.usecases.claim_execution import ClaimExecution
from services.executor.usecases.queue_execution import QueueExecution
from services.executor.usecases.resolve_request import ResolveRequest
from tests.unit.executor.fakes import FakeExecutions, FakeFacts, HeldClock, OpenDoor, delivery
from tests.unit.executor.requests import EXECUTION_ID, activated, cancellation, registered, request
from tests.unit.executor.test_execution import SUCCESS

LEASE_S = 15.0
ENDINGS = (
    SUCCESS,
    TimedOut(),
    Interrupted(),
    Failed(code="store-unavailable", message="away", retryable=True),
    Failed(code="input-corrupt", message="torn", retryable=False),
)
OWNERS = ("a", "b", "c")
owners = st.sampled_from(OWNERS)
acts = st.sampled_from(["claim", "claim", "beat", "end", "cancel"])


class ExecutionMachine(RuleBasedStateMachine):
    """Three owners, who may all be stopped for any time and go on with what they believe to hold."""

    @initialize(retries=st.integers(0, 3), early_cancellation=st.sampled_from([False, False, False, True]))
    def begin(self, retries, early_cancellation):
        self.store = FakeExecutions()
        self.clock = HeldClock()
        deployments, models = FakeFacts(), FakeFacts(VERSIONS)
        deployments.tell(activated(retries=retries), fold_deployment)
        models.tell(registered(), fold_model)
        resolve = ResolveRequest(
            deployments=deployments,
            models=Models(models),
            datasets=FakeFacts(),
            formats=["onnx"],
        )
        self.queue = QueueExecution(executions=self.store, resolve=resolve, clock=self.clock, wake=lambda: None)
        self.cancel_ = CancelExecution(executions=self.store, clock=self.clock)
        self.claims = {owner: self._claimer(owner) for owner in OWNERS}
        self.retries = retries
        self.requests = [(request(), delivery(f"q{n}")) for n in range(3)]
        self.conflicting = (request(params={"x": 1}), delivery("other"))
        self.cancellations = []
        self.tenures: list[Tenure] = []
        self.alive_at: dict[int, float] = {}
        self.ended: set[int] = set()
        self.interrupted = 0
        self.refused: set[str] = set()
        if early_cancellation:
            self.cancel()
        self.deliver_a_request(0)

    def _claimer(self, owner):
        return ClaimExecution(
            executions=self.store, overview=self.store, door=OpenDoor(), clock=self.clock, owner=owner, lease_s=LEASE_S
        )

    def _deliver(self, answer, asked):
        asyncio.run(self._deliver_now(answer, asked))

    async def _deliver_now(self, answer, asked):
        """As the bus does: a request that was refused is not asked about again."""
        event, delivered = asked
        if delivered.request_key in self.refused:
            return
        try:
            await answer(event, delivered)
        except Refusal:
            self.refused.add(delivered.request_key)

    @rule(number=st.integers(0, 2))
    def deliver_a_request(self, number):
        self._deliver(self.queue, self.requests[number])

    @rule()
    def deliver_other_content(self):
        self._deliver(self.queue, self.conflicting)

    @rule()
    def cancel(self):
        asyncio.run(self._cancel())

    async def _cancel(self):
        self.cancellations.append((cancellation(), delivery(f"c{len(self.cancellations)}")))
        await self._deliver_now(self.cancel_, self.cancellations[-1])

    @rule(data=st.data())
    def deliver_a_cancellation_again(self, data):
        if self.cancellations:
            self._deliver(self.cancel_, data.draw(st.sampled_from(self.cancellations)))

    @rule(owner=owners)
    def claim(self, owner):
        asyncio.run(self._claim(owner))

    async def _claim(self, owner):
        self._remember(await self.claims[owner]())

    @rule(data=st.data(), first=acts, second=acts)
    def two_things_happen_at_once(self, data, first, second):
        """What the first one decided on has changed when it writes."""
        self.store.racing = self._act(data, second)
        asyncio.run(self._act(data, first)())
        self.store.racing = None

    @rule(data=st.data(), act=acts)
    def a_lost_lease_is_claimed_while_something_happens(self, data, act):
        first, second, third = data.draw(st.permutations(OWNERS))
        asyncio.run(self._claim(third))
        for pause in (0.0, LEASE_S - 1, 1.0):
            self.clock.pass_time(pause)
            for owner in (first, second):
                asyncio.run(self._look(owner))
        self.store.racing = self._act(data, act, owner=second)
        asyncio.run(self._claim(first))
        self.store.racing = None

    async def _look(self, owner):
        claim = self.claims[owner]
        claim._watch_anew_after_a_gap()
        for held in await self.store.running():
            claim._is_lost(held)

    def _act(self, data, act, *, owner=None):
        owner, ending = owner or data.draw(owners), data.draw(st.sampled_from(ENDINGS))
        tenure = data.draw(st.sampled_from(self.tenures)) if self.tenures else None
        acts = {"claim": lambda: self._claim(owner), "cancel": self._cancel}
        if tenure is not None:
            # A beat between a claimer's last look and its write comes too late: that isn't held against the claimer.
            acts["beat"] = lambda: self.store.beat(EXECUTION_ID, tenure)
            acts["end"] = lambda: self._end(tenure, ending)
        return acts.get(act, acts["claim"])

    def _remember(self, execution):
        if execution is None or (tenure := Tenure(execution.owner, execution.attempt)) in self.tenures:
            return
        assert execution.state == "running"
        before = tenure.attempt - 1
        silent_s = self.clock.seconds - self.alive_at.get(before, float("-inf"))
        assert before in self.ended or silent_s >= LEASE_S, "a living attempt was taken over"
        self.tenures.append(tenure)
        self.alive_at[tenure.attempt] = self.clock.seconds

    @rule(seconds=st.sampled_from([5.0, LEASE_S]))
    def time_passes(self, seconds):
        self.clock.pass_time(seconds)

    @rule(data=st.data())
    def an_owner_beats(self, data):
        if self.tenures:
            asyncio.run(self._beat(data.draw(st.sampled_from(self.tenures))))

    async def _beat(self, tenure):
        if await self.store.beat(EXECUTION_ID, tenure):
            self.alive_at[tenure.attempt] = self.clock.seconds

    @rule(data=st.data(), ending=st.sampled_from(ENDINGS))
    def somebody_who_held_it_once_ends_it(self, data, ending):
        if self.tenures:
            self._finish(data.draw(st.sampled_from(self.tenures)), ending)

    def _finish(self, tenure, ending):
        asyncio.run(self._end(tenure, ending))

    async def _end(self, tenure, ending):
        def decide(execution):
            holder = execution.state, execution.owner, execution.attempt
            execution.finish(tenure, ending, self.clock.now())
            assert holder == ("running", tenure.owner, tenure.attempt), "somebody else's attempt was ended"
            return execution

        execution = await self.store.load(EXECUTION_ID)
        try:
            await self.store.change(EXECUTION_ID, decide, cause_of(execution.origin))
        except LeaseLost:
            return
        self.ended.add(tenure.attempt)
        self.interrupted += isinstance(ending, Interrupted)

    @invariant()
    def it_ends_at_most_once_and_nothing_begins_after_the_end(self):
        ends = self.store.of(ExecutionFinished)
        assert len(ends) <= 1
        if ends:
            after = self.store.published[self.store.published.index(ends[0]) + 1 :]
            assert not [each for each in after if isinstance(each, (Started, ExecutionCancelling, ExecutionQueued))]

    @invariant()
    def attempts_count_up_and_keep_to_their_number(self):
        attempts = [each.attempt for each in self.store.of(Started)]
        assert attempts == list(range(1, len(attempts) + 1))
        assert len(attempts) <= 1 + self.retries + self.interrupted
        assert len(set(self.tenures)) <= len(attempts)

    @invariant()
    def an_attempt_has_the_one_owner_that_its_fact_names(self):
        owners_of = {each.attempt: each.executor_id for each in self.store.of(Started)}
        assert all(owners_of[tenure.attempt] == tenure.owner for tenure in self.tenures)

    @invariant()
    def only_who_holds_the_last_attempt_ends_it(self):
        started, ended = self.store.of(Started), self.store.of(ExecutionFinished)
        assert all(each.attempt == len(started) for each in ended)

    @invariant()
    def a_cancellation_that_was_granted_is_what_ends_it(self):
        if self.store.of(ExecutionCancelling):
            assert {each.status for each in self.store.of(ExecutionFinished)} <= {"cancelled"}

    @invariant()
    def figures_leave_with_a_success_and_never_otherwise(self):
        successes = [each for each in self.store.of(ExecutionFinished) if each.status == "succeeded"]
        observed = self.store.of(MetricsObserved)
        assert [each.attempt for each in observed] == [each.attempt for each in successes]
        assert all(each.output is not None for each in successes)

    @invariant()
    def each_request_is_answered_once(self):
        kinds = (ExecutionQueued, ExecutionMatched, ExecutionCancelling)
        answers = [each.request_id for each in self.store.published if isinstance(each, kinds)]
        answers += [key.former.removeprefix("/upstream/test/") for key in self.refused]
        assert len(answers) == len(set(answers))

    def teardown(self):
        """Whatever happened: once somebody goes on working, it ends."""
        if not hasattr(self, "store") or asyncio.run(self.store.load(EXECUTION_ID)) is None:
            return
        for _ in range(20):
            self.clock.pass_time(LEASE_S - 1)
            execution = asyncio.run(self.claims["a"]())
            if execution is not None:
                self._remember(execution)
                self._finish(Tenure("a", execution.attempt), SUCCESS)
        assert len(self.store.of(ExecutionFinished)) == 1


ExecutionMachine.TestCase.settings = settings(max_examples=100, stateful_step_count=40)
TestExecution = ExecutionMachine.TestCase
