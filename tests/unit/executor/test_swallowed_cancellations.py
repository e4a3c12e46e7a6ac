"""Whatever happens to an attempt at whichever turn of the loop, and whichever cancellation a driver swallows: it ends.

It ends soon, once, and as it should: what was scored isn't thrown away for somebody who stopped at the same moment.
"""

import asyncio
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis import tasks
from schemas.executions import ExecutionFinished
from services.executor.domain.terms import Tenure
from tests.unit.chassis.swallowing import Swallowing, plans
from tests.unit.executor.attempts import Bench
from tests.unit.executor.fakes import FakeExecutions, FakeScoring
from tests.unit.executor.requests import EXECUTION_ID, outcome

SOON_S = 10
turns = st.none() | st.integers(min_value=0, max_value=40)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(tasks, "_AGAIN_S", 0.001)


class SwallowingStore(FakeExecutions):
    """Asks a server before and after each step."""

    def __init__(self, swallowing):
        super().__init__()
        self._swallowing = swallowing

    async def glance(self, execution_id):
        await self._swallowing.point(2)
        found = await super().glance(execution_id)
        await self._swallowing.point()
        return found

    async def _change(self, aggregate_id, decide):
        await self._swallowing.point(2)
        await super()._change(aggregate_id, decide)
        await self._swallowing.point()


class SwallowingScoring(FakeScoring):
    """Scores for a few turns of the loop. It may swallow being stopped, and then goes on to its result."""

    def __init__(self, swallowing, takes):
        super().__init__()
        self._swallowing = swallowing
        self._takes = takes
        self.answered = False

    async def run(self, job, *, on_progress, on_begun, on_answered, lease_s):
        self.started.set()
        on_begun()
        for _ in range(self._takes):
            await self._swallowing.point()
        self.answered = True
        return outcome()


@dataclass(frozen=True, kw_only=True)
class Story:
    """After how many turns of the loop something happens, if it does."""

    takes: int
    cancelled: int | None
    stopped: int | None
    taken_over: int | None


stories = st.builds(
    Story, takes=st.integers(min_value=1, max_value=60), cancelled=turns, stopped=turns, taken_over=turns
)


@settings(max_examples=120, deadline=None)
@given(story=stories, stores=plans, scorings=plans, finds=plans)
def test_an_attempt_ends_once_and_as_it_should_whatever_is_swallowed(story, stores, scorings, finds):
    asyncio.run(_told(story, Swallowing(stores), Swallowing(scorings), Swallowing(finds)))


async def _told(story: Story, stores: Swallowing, scorings: Swallowing, finds: Swallowing) -> None:
    bench = Bench()

    async def find_log(_):
        await finds.point(3)

    scoring, store = SwallowingScoring(scorings, story.takes), SwallowingStore(stores)
    bench.store, bench.scoring = store, scoring
    bench.run = replace(
        bench.run, executions=store, glances=store, scoring=scoring, find_log=find_log, look_every_s=0.0001
    )
    task = await bench.begin(retries=1)
    happens = [
        asyncio.create_task(_after(turns, step))
        for turns, step in (
            (story.cancelled, lambda: _act(bench, _cancel)),
            (story.taken_over, lambda: _act(bench, lambda each, at: each.take_over(Tenure("a", 1), "b", at))),
            (story.stopped, lambda: tasks.end(task)),
        )
        if turns is not None
    ]
    async with asyncio.timeout(SOON_S):
        await asyncio.wait((task, *happens))

    _judge(await store.load(EXECUTION_ID), bench, story, answered=scoring.answered)


def _judge(execution, bench, story, *, answered: bool) -> None:
    ends = bench.store.of(ExecutionFinished)
    assert len(ends) <= 1
    if execution.owner == "b":
        assert not ends, "it was somebody else's"
    elif not execution.cancel_requested and story.taken_over is None:
        assert execution.state == ("succeeded" if answered else "queued")
        assert answered or story.stopped is not None
    elif execution.cancel_requested:
        assert execution.state in {"cancelled", "failed"}
    assert execution.state != "running" or execution.owner == "b"


async def _after(number, step):
    for _ in range(number):
        await asyncio.sleep(0)
    await step()


async def _act(bench, does):
    """Somebody else's, over a connection that swallows nothing; too late, it changes nothing."""

    def decide(execution):
        if execution.has_ended or execution.state == "queued":
            return None
        does(execution, bench.clock.now())
        return execution

    await FakeExecutions._change(bench.store, EXECUTION_ID, decide)


def _cancel(execution, at):
    execution.cancel(requested_by="x", reason=None, request_id="c", at=at)
