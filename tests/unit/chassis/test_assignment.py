from types import SimpleNamespace

from aiokafka import TopicPartition

from chassis.bus.assignment import Assignment

HERE = TopicPartition("ml.model.requests", 1)


def member(clock):
    """An assignment that holds one partition, and the heartbeat that its consumer's coordinator would send."""
    answers = [True]

    async def beat() -> bool:
        return answers[0]

    coordinator = SimpleNamespace(_do_heartbeat=beat)
    assignment = Assignment(clock, session_timeout_s=10)
    assignment.watch(SimpleNamespace(_coordinator=coordinator))
    assignment.on_partitions_assigned([HERE])
    return assignment, coordinator, answers


async def test_a_partition_is_live_while_heartbeats_are_answered(clock):
    assignment, coordinator, _ = member(clock)
    is_live = assignment.lives(HERE)

    for _ in range(5):
        clock.pass_time(8)
        assert is_live()
        await coordinator._do_heartbeat()


async def test_a_process_stopped_past_its_session_is_not_live_when_it_wakes(clock):
    assignment, _, _ = member(clock)
    is_live = assignment.lives(HERE)
    clock.pass_time(11)

    assert not is_live()
    assert not assignment.is_member


async def test_an_unanswered_heartbeat_does_not_count(clock):
    assignment, coordinator, answers = member(clock)
    is_live = assignment.lives(HERE)
    answers[0] = False
    clock.pass_time(6)
    await coordinator._do_heartbeat()
    clock.pass_time(6)

    assert not is_live()


async def test_a_partition_that_came_back_is_another_assignment(clock):
    assignment, _, _ = member(clock)
    is_live = assignment.lives(HERE)
    assignment.on_partitions_revoked([HERE])
    assignment.on_partitions_assigned([HERE])

    assert not is_live()
    assert assignment.lives(HERE)()
