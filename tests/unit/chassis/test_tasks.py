"""What is told to end ends, whatever swallows it, and nothing that it came to is lost."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from chassis import tasks
from chassis.tasks import TaskGroup, cancellable, end, finish
from tests.unit.chassis.swallowing import Swallowing, plans

SOON_S = 5
turns = st.integers(min_value=0, max_value=12)


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(tasks, "_AGAIN_S", 0.001)


def run(main):
    async def bounded():
        async with asyncio.timeout(SOON_S):
            return await main

    return asyncio.run(bounded())


async def pass_turns(number):
    for _ in range(number):
        await asyncio.sleep(0)


async def glances(driver, results=None):
    """Looks again and again, as who watches over something; or so often, and comes to a result."""
    looked = 0
    while results is None or looked < results:
        await driver.point()
        looked += 1
    return "the answer"


@given(plan=plans, before=turns)
def test_a_task_ends_whichever_of_its_cancellations_were_swallowed(plan, before):
    async def main():
        driver = Swallowing(plan)
        task = asyncio.create_task(glances(driver))
        await pass_turns(before)
        await end(task)
        assert task.cancelled()

    run(main())


@given(plan=plans, before=turns, looks=st.integers(min_value=1, max_value=12))
def test_a_task_that_ends_has_its_answer_or_was_cancelled_and_no_answer_is_lost(plan, before, looks):
    async def main():
        answered = []

        async def work():
            answered.append(await glances(Swallowing(plan), looks))
            return answered[0]

        task = asyncio.create_task(work())
        await pass_turns(before)
        await end(task)
        assert answered == ([] if task.cancelled() else [task.result()])

    run(main())


@given(plan=plans, before=turns, own=st.lists(turns, max_size=4))
def test_whoever_is_cancelled_while_it_ends_another_is_cancelled_when_that_has_ended(plan, before, own):
    async def main():
        other = asyncio.create_task(glances(Swallowing(plan)))
        await pass_turns(before)
        ending = asyncio.create_task(end(other))
        await asyncio.sleep(0)
        heard = []
        for each in own:
            await pass_turns(each)
            heard.append(ending.cancel())
        await asyncio.wait((ending,))
        assert other.done()
        assert ending.cancelled() == any(heard)

    run(main())


async def test_several_end_together_and_one_that_has_ended_is_left_as_it_is():
    async def fails():
        raise ValueError("before")

    failed, waiting = asyncio.create_task(fails()), asyncio.create_task(asyncio.Event().wait())
    await asyncio.wait((failed,))
    await end(failed, waiting)
    assert isinstance(failed.exception(), ValueError)
    assert waiting.cancelled()
    await end()


async def test_a_task_that_does_not_end_is_spoken_of(monkeypatch):
    monkeypatch.setattr(tasks, "_REPORT_AFTER", 3)
    task = asyncio.create_task(glances(Swallowing([True] * 4)), name="stubborn")
    await pass_turns(2)
    with capture_logs() as logs:
        await end(task)
    (said,) = [each for each in logs if each["event"] == "task_does_not_end"]
    assert (said["log_level"], said["tries"]) == ("error", 3)
    assert "stubborn at glances" in said["tasks"][0]


@given(before=st.lists(turns, max_size=4))
def test_what_has_to_be_finished_is_finished_however_often_its_caller_is_cancelled(before):
    async def main():
        done = []

        async def tidy_up():
            await pass_turns(20)
            done.append("tidy")
            return "done"

        caller = asyncio.create_task(finish(tidy_up()))
        await asyncio.sleep(0)
        heard = []
        for each in before:
            await pass_turns(each)
            heard.append(caller.cancel())
        await asyncio.wait((caller,))
        assert done == ["tidy"]
        assert caller.cancelled() == any(heard)

    run(main())


async def test_what_fails_while_it_is_finished_is_told_even_to_who_was_cancelled():
    async def fails():
        await asyncio.sleep(0)
        raise ValueError("in the end")

    with pytest.raises(ValueError, match="in the end"):
        await finish(fails())
    caller = asyncio.create_task(finish(fails()))
    await asyncio.sleep(0)
    caller.cancel()
    with pytest.raises(asyncio.CancelledError) as raised:
        await caller
    assert isinstance(raised.value.__cause__, ValueError)


@given(plan=plans, before=turns)
def test_a_cancellable_work_is_cancelled_whatever_swallows_it(plan, before):
    async def main():
        driver = Swallowing(plan)
        caller = asyncio.create_task(cancellable(glances(driver)))
        await pass_turns(before + 1)
        caller.cancel()
        await asyncio.wait((caller,))
        assert caller.cancelled()

    run(main())


@given(plan=plans)
def test_a_cancellable_work_keeps_to_a_timeout_whatever_swallows_it(plan):
    async def main():
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await cancellable(glances(Swallowing(plan)))

    run(main())


async def test_a_cancellable_work_comes_to_its_result_or_its_error():
    async def fails():
        raise ValueError("its own")

    assert await cancellable(glances(Swallowing([]), 3)) == "the answer"
    with pytest.raises(ValueError, match="its own"):
        await cancellable(fails())


async def test_what_fails_while_it_is_cancelled_says_so():
    async def fails():
        try:
            await asyncio.Event().wait()
        finally:
            raise ValueError("while tidying up")

    caller = asyncio.create_task(cancellable(fails()))
    await pass_turns(3)
    caller.cancel()
    with pytest.raises(ValueError, match="tidying"):
        await caller


@given(plan_a=plans, plan_b=plans, before=turns)
def test_a_group_whose_task_fails_ends_the_others_whatever_they_swallow(plan_a, plan_b, before):
    async def fails():
        await pass_turns(before)
        raise ValueError("the first")

    async def main():
        others = []

        async def grouped():
            async with TaskGroup() as group:
                others.extend(group.create_task(glances(Swallowing(each))) for each in (plan_a, plan_b))
                group.create_task(fails())

        with pytest.raises(ExceptionGroup) as raised:
            await grouped()
        assert raised.group_contains(ValueError, match="the first")
        assert all(each.cancelled() for each in others)

    run(main())


@given(plan=plans, before=turns)
def test_a_group_that_is_cancelled_ends_its_tasks_whatever_they_swallow(plan, before):
    async def main():
        async def grouped():
            async with TaskGroup() as group:
                group.create_task(glances(Swallowing(plan)))

        task = asyncio.create_task(grouped())
        await pass_turns(before)
        task.cancel()
        await asyncio.wait((task,))
        assert task.cancelled()

    run(main())
