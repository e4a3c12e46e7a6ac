"""One leased document and claimers whose clocks drift and stop: one owner a fence, and nothing from who lost it."""

import asyncio
from copy import deepcopy
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from chassis.documents.leases import Lease, Observer, claim, release, renew
from tests.unit.chassis.one_document import OneDocument

LEASE_S = 10
NAMES = ("a", "b", "c")
names = st.sampled_from(NAMES)


class OwnClock:
    """Stands still until its owner's time passes: everybody has one, and none agrees with another."""

    seconds = 0

    def monotonic(self) -> float:
        return self.seconds


@dataclass
class Claimer:
    """Claims as workers do. `first_seen` says, apart from the observer, since when it has seen the lease as it is."""

    name: str
    clock: OwnClock = field(default_factory=OwnClock)
    read: dict | None = None
    may_take: bool = False
    first_seen: dict[tuple, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.observer = Observer(self.clock, LEASE_S)

    def has_seen_silence(self, lease: dict) -> bool:
        mark = (lease["owner"], lease["fence"], lease["beat"])
        return self.clock.seconds - self.first_seen.get(mark, self.clock.seconds) >= LEASE_S


class LeaseMachine(RuleBasedStateMachine):
    """Looks and claims are apart, so that a claim may rest on what was true long ago."""

    def __init__(self) -> None:
        super().__init__()
        self.jobs = OneDocument()
        self.claimers = {name: Claimer(name) for name in NAMES}
        self.granted: list[Lease] = []

    @rule(name=names, seconds=st.sampled_from([1, 3, 9, 10, 1000]))
    def somebodys_time_passes(self, name, seconds):
        self.claimers[name].clock.seconds += seconds

    @rule(name=names)
    def look(self, name):
        claimer = self.claimers[name]
        claimer.read = deepcopy(self.jobs.document)
        lease = claimer.read.get("lease")
        if lease is not None:
            mark = (lease["owner"], lease["fence"], lease["beat"])
            claimer.first_seen.setdefault(mark, claimer.clock.seconds)
        claimer.may_take = claimer.observer.is_lost(claimer.read)
        if claimer.may_take and lease is not None and lease["owner"] is not None:
            assert claimer.has_seen_silence(lease), "a lease that may live was called lost"

    @rule(name=names)
    def claim_what_was_seen(self, name):
        claimer = self.claimers[name]
        if claimer.read is None or not claimer.may_take:
            return
        lease = asyncio.run(claim(self.jobs, claimer.read, name))
        if lease is not None:
            claimer.observer.forget("job")
            self.granted.append(lease)
        claimer.may_take = False

    @rule(data=st.data())
    def somebody_who_held_it_once_beats(self, data):
        if self.granted:
            lease = data.draw(st.sampled_from(self.granted))
            before, is_last = deepcopy(self.jobs.document), self._holds(lease)
            assert asyncio.run(renew(self.jobs, lease)) == is_last
            assert is_last or self.jobs.document == before

    @rule(data=st.data())
    def somebody_who_held_it_once_gives_it_back(self, data):
        if self.granted:
            lease = data.draw(st.sampled_from(self.granted))
            before, is_last = deepcopy(self.jobs.document), self._holds(lease)
            asyncio.run(release(self.jobs, lease))
            assert is_last or self.jobs.document == before

    def _holds(self, lease: Lease) -> bool:
        stored = self.jobs.document["lease"]
        return (stored["owner"], stored["fence"]) == (lease.owner, lease.fence)

    @invariant()
    def no_fence_has_two_owners(self):
        assert [lease.fence for lease in self.granted] == list(range(1, len(self.granted) + 1))

    @invariant()
    def a_write_under_a_lease_is_open_to_one_at_most(self):
        assert all(not self._holds(lease) for lease in self.granted[:-1])

    def teardown(self):
        """Whoever goes on looking has it after one silent lease of its own time."""
        claimer = self.claimers["a"]
        self.look("a")
        claimer.clock.seconds += LEASE_S
        self.look("a")
        before = len(self.granted)
        self.claim_what_was_seen("a")
        assert len(self.granted) == before + 1


LeaseMachine.TestCase.settings = settings(max_examples=150, stateful_step_count=40)
TestLeases = LeaseMachine.TestCase
