"""One instance of each service with its clock five minutes off: nothing runs twice, and nothing waits for minutes."""

import asyncio
import time
from pathlib import Path
from typing import Final

import pytest

from infra.embedded.stack import ALL_SERVICES
from tests.chaos.checker import check
from tests.chaos.clocks import one_of_each
from tests.chaos.collecting import collect
from tests.chaos.history import History
from tests.chaos.load import tell_stories
from tests.chaos.platform import Platform, running
from tests.chaos.run import come_to_rest
from tests.chaos.sender import Sender
from tests.chaos.waits import waits_of
from tests.integration.process import ServiceProcess

BOUND_S: Final = 60.0
"""What a lost lease, a session and the next attempt's pause come to, and far from five minutes."""
_STORIES_S: Final = 150.0
"""Executions too end long before a clock that is five minutes ahead would have them begin."""
_SETTINGS: Final = {"MLP_SPARK_MASTER": "local[1,4]", "MLP_KAFKA_SESSION_TIMEOUT_MS": "6000"}
_ORDERS: Final = ("registry.saved", "deployer.saved", "executor.saved", "executor.claimed", "metrics.handled")

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


@pytest.mark.parametrize("off_s", [300, -300], ids=["ahead", "behind"])
def test_a_clock_that_is_five_minutes_off_makes_nothing_run_twice_and_nobody_wait(off_s: int, tmp_path: Path) -> None:
    settings = {**_SETTINGS, "MLP_FAULT_CRASH_FOLDER": str(tmp_path)}
    with (
        running(_SETTINGS) as platform,
        one_of_each(platform, off_s=off_s, folder=tmp_path, settings=settings) as wrong,
    ):
        history = asyncio.run(_live_and_die(platform, wrong, tmp_path))
    waits = waits_of(history.sent)
    print("", *waits, sep="\n")  # noqa: T201 - the figure that this test is for

    assert not check(history)
    assert max(each.longest for each in waits) < BOUND_S


async def _live_and_die(platform: Platform, wrong: dict[str, ServiceProcess], orders: Path) -> History:
    """The right ones are killed, and the wrong ones go on with what they left; then the other way round."""
    async with Sender(platform.connections) as sender:
        for number in (1, 2):
            telling = asyncio.create_task(
                tell_stories(sender, platform.connections, seed=number, requests=34 * 6, minutes=0.7)
            )
            await asyncio.sleep(8)
            if number == 1:
                for service in ALL_SERVICES:
                    platform.kill(service)
            else:
                for order in _ORDERS:
                    (orders / order).touch()
            await asyncio.wait_for(telling, _STORIES_S)
        assert [name for name, process in wrong.items() if process.has_ended] == list(ALL_SERVICES)
    assert await come_to_rest(platform.connections, time.monotonic()) is not None
    return await collect(platform.connections, list(sender.sent.values()))
