"""What a claimer finds in the real store, whatever the clocks of those who wrote it."""

from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from chassis.bus.outgoing import EventFactory
from chassis.clock import SystemClock, new_id
from chassis.documents.aggregates import Aggregates
from chassis.documents.client import connect
from chassis.documents.handled import Handled
from services.executor.domain.execution import Execution
from services.executor.domain.limits import Full
from services.executor.moments import cause_of, now
from services.executor.queue_watch import QueueWatch
from services.executor.store import Executions
from tests.unit.executor.requests import queued


@pytest.mark.parametrize(
    ("pause_s", "is_found"),
    [(None, True), (-300, True), (-1, True), (20, False), (302, True)],
    ids=["no pause", "a clock that is behind", "over", "not over", "a clock that is ahead"],
)
async def test_who_keeps_no_pause_or_an_impossible_one_may_begin(mongo, new_name, pause_s, is_found):
    clock = SystemClock()
    async with connect(mongo) as client:
        collection = client["executor-test"][new_name()]
        events = EventFactory(source="/services/executor", clock=clock, new_id=new_id)
        execution = queued()
        execution.claimable_at = None if pause_s is None else now(clock) + timedelta(seconds=pause_s)
        handled = Handled(collection.database["handled"], clock)
        aggregates = Aggregates(collection, Execution, events=events, wake=lambda *_: None, handled=handled)
        await aggregates.change(execution.execution_id, lambda _: execution, cause_of(execution.origin))

        assert await Executions(collection).waiting(now(clock), Full()) == [execution.execution_id] * is_found


async def test_what_waits_is_counted_for_the_figures(mongo, new_name):
    async with connect(mongo) as client:
        collection = client["executor-test"][new_name()]
        await collection.insert_many([{"state": state} for state in ("queued", "queued", "running", "failed")])
        await QueueWatch(collection).once()

    assert REGISTRY.get_sample_value("mlp_executor_queued_executions") == 2
