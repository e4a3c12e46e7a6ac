import asyncio
import time

import pytest
from prometheus_client import REGISTRY
from structlog.testing import capture_logs

from chassis.bus.perseverance import against_poison
from chassis.errors import BusUnavailable, Outage
from chassis.health import Health


class Gone(Outage):
    code = "gone-in-this-test"


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


async def test_a_silent_server_keeps_no_page_waiting_and_is_asked_once_at_a_time():
    asked, answering = 0, asyncio.Event()

    async def silent() -> None:
        nonlocal asked
        asked += 1
        await answering.wait()

    health = Health(dependencies={"documents": silent}, proof_s=2.0)
    begun = time.monotonic()
    shown = (await health.report())["documents"]
    assert time.monotonic() - begun < 2
    proven = await health.away()
    answering.set()

    assert (shown, proven) == ("no answer in 1.5 s", "documents: no answer in 2 s")
    assert await health.away() is None
    assert asked == 1


async def test_a_slow_answer_turns_a_bug_into_no_outage():
    async def slow() -> None:
        await asyncio.sleep(2.5)

    async def bug() -> None:
        raise RuntimeError("a bug")

    health = Health(dependencies={"documents": slow})
    begun = time.monotonic()
    with pytest.raises(RuntimeError, match="a bug"):
        await against_poison(bug, health.away)
    assert time.monotonic() - begun < 6
    assert (await health.report())["documents"] == "no answer in 1.5 s"


async def test_a_dependency_that_fails_at_last_is_an_outage_all_the_same():
    async def fails_at_last() -> None:
        await asyncio.sleep(2.0)
        raise Gone("gone")

    async def odd() -> None:
        raise RuntimeError("connection lost?")

    with pytest.raises(Outage, match="gone"):
        await against_poison(odd, Health(dependencies={"made": fails_at_last}).away)


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
