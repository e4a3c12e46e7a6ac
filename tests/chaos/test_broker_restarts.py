"""The broker is killed and stopped again and again under load: each time every consumer group soon goes on.

`MLP_TEST_RESTARTS` says how often.
"""

import asyncio
import os
import statistics
import time
from collections import defaultdict
from collections.abc import AsyncGenerator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from typing import Final

import pytest

from chassis.errors import BusUnavailable
from chassis.offsets.groups import Groups
from infra.embedded.services import SERVICES
from tests.chaos import platform, proxied
from tests.chaos.platform import Platform
from tests.chaos.work import Work, outsider
from tests.integration.kafka import KafkaServer

ROUNDS: Final = int(os.environ.get("MLP_TEST_RESTARTS", "20"))
WITHIN_S: Final = 60.0
_EVERY_S: Final = 1.5
_LOOK_S: Final = 0.5

pytestmark = [pytest.mark.long, pytest.mark.timeout(180 + 90 * ROUNDS)]


@pytest.fixture
def running() -> Iterator[Platform]:
    with platform.running(proxied.ONE_OF_EACH) as made:
        yield made


async def test_every_group_goes_on_within_a_minute_of_each_of_many_restarts(running: Platform) -> None:
    groups = Groups(KafkaServer(dict(running.connections["kafka"])).settings("operator"))
    pids = {each: running.pid(each) for each in running.services}
    took: list[float] = []
    async with outsider(running.connections) as hearing:
        work = Work(running.connections, hearing)
        await work.prepare()
        async with _load(work):
            everybody = await _progress(groups, await _offsets(groups))
            for number in range(ROUNDS):
                begun = time.monotonic()
                ended = running.kill("kafka") if number % 2 else running.terminate("kafka")
                broker_s = await asyncio.to_thread(running.await_restart, "kafka", ended, within_s=WITHIN_S)
                await _progress(groups, await _offsets(groups))
                took.append(time.monotonic() - begun)
                print(f"restart {number + 1}: {took[-1]:.1f} s, broker {broker_s:.1f} s")  # noqa: T201 - what was measured
                assert took[-1] < WITHIN_S
        await work.answered(seconds=120)
        await work.check()
    figures = f"{min(took):.1f} / {statistics.median(took):.1f} / {max(took):.1f} s"
    print(f"{len(took)} restarts, {len(everybody)} groups: {figures}")  # noqa: T201 - what was measured
    assert {name.split(".")[0] for name in everybody} == {service.name for service in SERVICES}
    assert {each: running.pid(each) for each in running.services} == pids


@asynccontextmanager
async def _load(work: Work) -> AsyncGenerator[None]:
    """A little of everything, all the time."""
    enough = asyncio.Event()

    async def go_on() -> None:
        while not enough.is_set():
            await work.ask(updates=1, points=2)
            await asyncio.sleep(_EVERY_S)

    asking = asyncio.create_task(go_on())
    try:
        yield
    finally:
        enough.set()
        await asking


async def _progress(groups: Groups, before: Mapping[str, int]) -> dict[str, int]:
    """Wait until each group has come further than it was before; where they are then."""
    deadline = time.monotonic() + WITHIN_S
    now = dict(before)
    while behind := [each for each in before if now[each] <= before[each]]:
        assert time.monotonic() < deadline, f"no progress: {behind}"
        await asyncio.sleep(_LOOK_S)
        now = await _offsets(groups)
    return now


async def _offsets(groups: Groups) -> dict[str, int]:
    """How many records each group has done with, as soon as the broker can say."""
    async with asyncio.timeout(WITHIN_S):
        while True:
            with suppress(BusUnavailable):
                found: defaultdict[str, int] = defaultdict(int)
                for each in await groups.positions():
                    found[each.group] += each.offset
                return found
            await asyncio.sleep(_LOOK_S)
