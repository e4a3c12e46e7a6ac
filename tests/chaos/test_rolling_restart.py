"""Two instances of each service, restarted one after another while requests of all kinds come in."""

import asyncio
import time
from typing import Final

import pytest

from infra.embedded.stack import ALL_SERVICES
from tests.chaos.checker import check
from tests.chaos.collecting import collect
from tests.chaos.history import History
from tests.chaos.load import tell_stories
from tests.chaos.platform import Platform, running
from tests.chaos.run import come_to_rest
from tests.chaos.sender import Sender
from tests.chaos.waits import waits_of

BOUND_S: Final = 5.0
"""A person who clicked, or a program that waits for an answer, takes a pause of this length for a slow moment."""
_REQUESTS: Final = 34 * 14
_MINUTES: Final = 2.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def test_a_rolling_restart_of_every_service_under_load_is_invisible_to_the_sender() -> None:
    with running() as platform:
        history, restarts = asyncio.run(_restart_all(platform))
    waits = waits_of(history.sent)
    print("", *waits, *(f"{service} restarted in {took_s:.1f} s" for service, took_s in restarts.items()), sep="\n")  # noqa: T201 - the figures that this test is for

    assert not check(history)
    assert max(each.longest for each in waits) < BOUND_S


async def _restart_all(platform: Platform) -> tuple[History, dict[str, float]]:
    async with Sender(platform.connections) as sender:
        telling = asyncio.create_task(
            tell_stories(sender, platform.connections, seed=5, requests=_REQUESTS, minutes=_MINUTES)
        )
        await asyncio.sleep(10)
        restarts: dict[str, float] = {}
        for service in ALL_SERVICES:
            begun = time.monotonic()
            await asyncio.to_thread(platform.stack.restart, service)
            restarts[service] = time.monotonic() - begun
        assert not telling.done(), "the load ended before the restarts did"
        await telling
    assert await come_to_rest(platform.connections, time.monotonic()) is not None
    return await collect(platform.connections, list(sender.sent.values())), restarts
