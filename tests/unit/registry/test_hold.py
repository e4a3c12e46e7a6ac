"""Two workers whose clocks go equally fast: who may still write, and who may take over, are never both."""

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from chassis.documents.hold import Hold
from chassis.documents.leases import Observer, claim, renew
from services.registry.slots import Slots
from services.registry.worker import Worker
from tests.unit.chassis.conftest import HeldClock
from tests.unit.chassis.one_document import OneDocument
from tests.unit.registry.fakes import delivery

LEASE_S = 12.0
pauses = st.lists(st.sampled_from([0.0, 1.0, 4.0, 5.0, 11.0, 13.0]), min_size=1, max_size=30)
moves = st.sampled_from(["beat", "look"])


@given(stopped_s=st.sampled_from([0.0, 3.0, 30.0]), script=st.lists(st.tuples(moves, pauses), max_size=12))
def test_whoever_was_succeeded_knows_it_has_no_hold(stopped_s, script):
    clock, jobs = HeldClock(), OneDocument()
    claimed_at = clock.monotonic()
    lease = asyncio.run(claim(jobs, dict(jobs.document), "first"))
    observer = Observer(clock, LEASE_S)
    observer.is_lost(jobs.document)
    clock.pass_time(stopped_s)
    hold = Hold(jobs, lease, since=claimed_at, clock=clock, lease_s=LEASE_S)

    for move, times in script:
        clock.pass_time(sum(times))
        if move == "beat":
            beaten_at = clock.monotonic()
            if asyncio.run(renew(jobs, lease)):
                hold._renewed_at = beaten_at
        elif observer.is_lost(jobs.document):
            asyncio.run(claim(jobs, dict(jobs.document), "second"))
            assert not hold.is_live(), "two may write at once"
            return


class StoppedAtTheClaim:
    """Hands out the request; the process is stopped until long after."""

    collection = OneDocument()

    def __init__(self, clock) -> None:
        self._clock = clock
        self.removed = asyncio.Event()

    async def claim(self, head, owner):
        lease = await claim(self.collection, head, owner)
        self._clock.pass_time(1000)
        return None if lease is None else (Waiting(), lease)

    async def remove(self, accepted, lease):
        self.removed.set()

    def wake(self):
        return


class Waiting:
    """An accepted request, as far as a worker looks at it."""

    def delivery(self, is_live):
        return delivery(is_live=is_live)


class Desk:
    """Notes whether the one who answers may still write."""

    may_write: bool | None = None

    async def settle(self, accepted, delivered):
        self.may_write = delivered.is_live()


async def test_a_worker_that_was_stopped_right_after_its_claim_writes_nothing():
    clock = HeldClock()
    registrations, desk = StoppedAtTheClaim(clock), Desk()
    slots = Slots(1, freed=lambda: None)
    worker = Worker(registrations, desk, clock=clock, owner="one", lease_s=LEASE_S, slots=slots, max_attempts=5)
    async with asyncio.TaskGroup() as tasks:
        await worker._take({"_id": "job", "about": "model/demand", "lease": None}, tasks)
        await registrations.removed.wait()

    assert desk.may_write is False
