from chassis.documents.leases import Observer


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
