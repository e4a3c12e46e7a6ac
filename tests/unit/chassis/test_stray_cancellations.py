"""A driver that cancels what we wait for, when nobody has cancelled us, must not end anything unseen."""

import asyncio
from types import SimpleNamespace

import pytest

from chassis.bus.producer import KafkaPublisher
from chassis.errors import BusUnavailable
from chassis.service import Service, WorkerEnded
from chassis.settings import ChassisSettings, KafkaSettings
from chassis.tasks import TaskGroup, end


class ClosingProducer:
    """Takes a record and cancels it instead of sending it, as aiokafka does when it is closed meanwhile."""

    async def send(self, *_, **__):
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.cancel)
        return future

    async def stop(self) -> None:
        return


async def cancelled_by_a_driver() -> None:
    future = asyncio.get_running_loop().create_future()
    future.cancel()
    await future


@pytest.fixture
def service() -> Service:
    return Service("registry", ChassisSettings())


async def test_a_worker_that_a_driver_cancelled_ends_the_service(service) -> None:
    with pytest.raises(ExceptionGroup) as caught:
        async with TaskGroup() as tasks:
            tasks.create_task(service._endless(cancelled_by_a_driver))
    assert caught.group_contains(WorkerEnded)


async def test_a_worker_that_was_cancelled_is_cancelled(service) -> None:
    task = asyncio.create_task(service._endless(asyncio.Event().wait))
    await asyncio.sleep(0)
    await end(task)
    assert task.cancelled()


async def test_a_record_that_a_closing_producer_cancelled_is_an_outage_and_the_producer_is_not_used_again() -> None:
    publisher = KafkaPublisher(KafkaSettings())
    publisher._producer = ClosingProducer()
    record = SimpleNamespace(topic="t", key=b"k", value=b"v", headers=())

    with pytest.raises(BusUnavailable):
        await publisher.publish([record])

    assert publisher._producer is None
