"""A slot lives as long as its driver can be kept warm."""

import asyncio
from dataclasses import replace

import pytest

from chassis.tasks import end
from services.executor.slot import Bell, Slot
from tests.unit.executor.fakes import FakeScoring


class Kept(FakeScoring):
    """Its keeping ends when the test says so."""

    def __init__(self) -> None:
        super().__init__()
        self.fails = asyncio.Event()
        self.ended = 0

    async def kept(self) -> None:
        await self.fails.wait()
        raise RuntimeError("nobody foresaw this")

    async def stop(self) -> None:
        self.ended += 1


def slot_of(driver: Kept) -> Slot:
    async def nothing() -> None:
        """There is nothing to claim."""

    return Slot(driver=driver, claim=nothing, run_attempt=nothing, bell=Bell(), probe=nothing)


async def test_a_keeping_that_has_ended_ends_the_slot_and_so_the_service():
    driver = Kept()
    running = asyncio.create_task(slot_of(driver).run())
    await asyncio.sleep(0.05)
    assert not running.done()
    driver.fails.set()
    with pytest.raises(RuntimeError, match="nobody foresaw"):
        await asyncio.wait_for(running, 5)
    assert driver.ended == 1


class Claim:
    """Notes whether somebody looks, or would claim."""

    def __init__(self) -> None:
        self.looks = self.claims = 0

    async def watch(self) -> None:
        self.looks += 1

    async def __call__(self) -> None:
        self.claims += 1


async def test_a_slot_whose_driver_starts_watches_others_leases_and_claims_nothing():
    driver, claim = Kept(), Claim()
    driver.ready = False
    slot = replace(slot_of(driver), claim=claim)
    running = asyncio.create_task(slot.run())
    await asyncio.sleep(0.05)
    assert (claim.looks, claim.claims) == (1, 0)
    driver.ready = True
    slot.bell.ring()
    await asyncio.sleep(0.05)
    assert claim.claims == 1
    await end(running)


async def test_a_slot_that_is_cancelled_ends_its_driver():
    driver = Kept()
    running = asyncio.create_task(slot_of(driver).run())
    await asyncio.sleep(0.05)
    await end(running)
    assert running.cancelled()
    assert driver.ended == 1
