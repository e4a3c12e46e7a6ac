import asyncio
import time

from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from chassis.errors import BusUnavailable
from chassis.health import Health


async def _away() -> None:
    raise BusUnavailable("not there yet")


async def test_a_check_that_is_dropped_is_no_longer_shown_as_failing():
    health = Health(others={"made for this test": _away})
    await health.report()
    assert REGISTRY.get_sample_value("mlp_ready", {"check": "made for this test"}) == 0

    health.drop("made for this test")

    assert await health.report() == {}
    assert REGISTRY.get_sample_value("mlp_ready", {"check": "made for this test"}) is None


def test_a_check_that_was_never_looked_at_can_be_dropped():
    Health(others={"never looked at": _away}).drop("never looked at")


async def test_a_silent_server_keeps_nobody_waiting_and_is_asked_once_at_a_time():
    asked, answering = 0, asyncio.Event()

    async def silent() -> None:
        nonlocal asked
        asked += 1
        await answering.wait()

    health = Health(dependencies={"documents": silent})
    begun = time.monotonic()
    reasons = [await health.away(), (await health.report())["documents"]]
    took = time.monotonic() - begun
    answering.set()

    assert reasons == ["documents: no answer in 1.5 s", "no answer in 1.5 s"]
    assert took < 2 * 2
    assert await health.away() is None
    assert asked == 1


async def test_a_dependency_that_nobody_uses_is_missed_all_the_same():
    there = False

    async def check() -> None:
        if not there:
            raise BusUnavailable("gone")

    health = Health(dependencies={"bus": check})
    with capture_logs() as said:
        for _ in range(3):
            await health.report()
        there = True
        await health.report()

    assert [(each["event"], each["code"]) for each in said] == [
        ("waiting_for_dependency", "bus-unavailable"),
        ("dependency_back", "bus-unavailable"),
    ]
