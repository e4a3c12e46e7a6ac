from chassis.documents.leases import Observer, claim, release
from tests.unit.chassis.one_document import OneDocument


def leased(beat: int, *, owner: str | None = "a", fence: int = 1) -> dict:
    return {"_id": "job", "lease": {"owner": owner, "beat": beat, "fence": fence}}


def test_a_lease_that_beats_is_never_lost(clock):
    observer = Observer(clock, lease_s=10)
    for beat in range(20):
        assert not observer.is_lost(leased(beat))
        clock.pass_time(9)


def test_a_silent_lease_is_lost_after_one_lease_of_watching(clock):
    observer = Observer(clock, lease_s=10)

    assert not observer.is_lost(leased(3))
    clock.pass_time(9.9)
    assert not observer.is_lost(leased(3))
    clock.pass_time(0.1)
    assert observer.is_lost(leased(3))


def test_a_new_owner_starts_the_watch_again(clock):
    observer = Observer(clock, lease_s=10)
    observer.is_lost(leased(3))
    clock.pass_time(10)

    assert not observer.is_lost(leased(0, owner="b", fence=2))


def test_a_free_or_released_document_can_be_had_at_once(clock):
    observer = Observer(clock, lease_s=10)

    assert observer.is_lost({"_id": "job"})
    assert observer.is_lost(leased(3, owner=None))


async def test_what_was_given_back_is_no_attempt_and_what_was_lost_is_one():
    jobs = OneDocument()
    for number in range(1, 4):
        lease = await claim(jobs, dict(jobs.document), "stopped")
        await release(jobs, lease)
        assert (lease.fence, lease.attempts) == (number, 1)

    killed = await claim(jobs, dict(jobs.document), "killed")
    after = await claim(jobs, dict(jobs.document), "after it")

    assert (killed.fence, killed.attempts) == (4, 1)
    assert (after.fence, after.attempts) == (5, 2)


async def test_a_lease_of_before_that_is_given_back_counts_from_there():
    jobs = OneDocument()
    jobs.document["lease"] = {"owner": None, "beat": 0, "fence": 3}

    lease = await claim(jobs, dict(jobs.document), "a")
    await release(jobs, lease)

    assert (await claim(jobs, dict(jobs.document), "b")).attempts == 4
