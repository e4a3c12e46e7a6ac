"""What is answered at once and what waits."""

import pytest

from chassis.errors import AssignmentLost
from schemas.models import ModelUpdateRequested
from services.registry.intake import Intake
from tests.unit.registry.fakes import delivery
from tests.unit.registry.requests import registration

UPDATE = ModelUpdateRequested(model_id="demand", name="New")


class Queue:
    """Waiting requests in a list."""

    def __init__(self) -> None:
        self.waiting = []

    async def append(self, event, where) -> None:
        where.ensure_live()
        self.waiting.append((event, where))

    async def has(self, request_key) -> bool:
        return any(where.request_key == request_key for _, where in self.waiting)

    async def has_about(self, event, where) -> bool:
        return any(each.subject == event.subject for each, _ in self.waiting)


class Desk:
    """A use case that remembers what it was asked."""

    def __init__(self) -> None:
        self.asked = []

    async def __call__(self, event, where) -> None:
        self.asked.append(event)


@pytest.fixture
def queue() -> Queue:
    return Queue()


def intake(queue, *, handled=()) -> Intake:
    async def has_handled(subject, request_key) -> bool:
        return request_key in handled

    return Intake(queue, has_handled)


async def test_a_quick_request_is_answered_at_once(queue):
    desk = Desk()
    await intake(queue).answer(desk, UPDATE, delivery())
    assert (desk.asked, queue.waiting) == ([UPDATE], [])


async def test_a_quick_request_waits_behind_a_slow_one_about_the_same_model(queue):
    desk, one = Desk(), intake(queue)
    await one.wait(registration(), delivery())
    await one.answer(desk, UPDATE, delivery())
    assert desk.asked == []
    assert [event.subject for event, _ in queue.waiting] == ["demand", "demand"]
    other = ModelUpdateRequested(model_id="other", name="New")
    await one.answer(desk, other, delivery())
    assert desk.asked == [other]


async def test_a_slow_request_that_has_been_granted_does_not_wait_again(queue):
    where = delivery()
    await intake(queue, handled={where.request_key}).wait(registration(), where)
    assert queue.waiting == []


async def test_what_waits_counts_as_answered(queue):
    where, one = delivery(), intake(queue)
    assert not await one.answered("demand", where.request_key)
    await one.wait(registration(), where)
    assert await one.answered("demand", where.request_key)


async def test_a_process_that_was_stopped_too_long_accepts_nothing(queue):
    with pytest.raises(AssignmentLost):
        await intake(queue).wait(registration(), delivery(is_live=lambda: False))
